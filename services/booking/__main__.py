"""`python -m services.booking`: runs the service."""

from services.booking.app import build
from services.chassis.service import main

main(build)
