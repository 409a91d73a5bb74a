"""The one error of this package: something the person at the terminal can put right."""


class StackError(Exception):
    """The start is given up; the message is for the terminal and holds nothing secret."""
