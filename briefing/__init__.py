"""What an assistant says first and what its model is told, as text: made for a call, shown by the API before one. Pure."""
