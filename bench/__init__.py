"""What is measured, against whom. Prints tables, stores JSON; nothing that ships imports it."""
