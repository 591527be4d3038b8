"""Telephone numbers: found, bought or imported, led to an assistant, given back."""
