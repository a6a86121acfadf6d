"""How the pages of the house are put together from templates: a report, the console, an hour for a class."""

from jinja2 import BaseLoader, Environment, StrictUndefined


def environment(loader: BaseLoader) -> Environment:
    """The templates that a loader finds.

    Whatever stands in a scenario's or a policy's file, or was typed by somebody, is text in them and never markup, and
    a name that is missing is an error.
    """
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
