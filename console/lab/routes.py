"""The addresses of the page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from console.house import House
from console.pages import LAB, show


def routes(_house: House) -> APIRouter:
    """The page and what its scripts ask for."""
    router = APIRouter()

    @router.get(LAB.path)
    async def page(request: Request) -> HTMLResponse:
        return show(request, LAB, "lab.html.j2", {})

    return router
