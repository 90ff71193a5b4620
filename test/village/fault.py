"""The one way in which the village fails: a line that says what is wrong and what to do."""


class Fault(Exception):
    pass
