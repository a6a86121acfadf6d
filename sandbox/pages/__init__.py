"""Reports as pages: one HTML file each, which needs no network, no script and no font of its own."""

from sandbox.pages.comparison import comparison_page
from sandbox.pages.page import report_page
from sandbox.pages.transparency import transparency_page

__all__ = ["comparison_page", "report_page", "transparency_page"]
