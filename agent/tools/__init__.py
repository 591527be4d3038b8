"""What the model may do. Each module is a toolset; the roster picks those that the assistant has."""
