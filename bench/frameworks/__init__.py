"""Frameworks of Python as contestants: a class for each, with the cases as its users write them."""
