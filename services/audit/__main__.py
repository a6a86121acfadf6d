"""`python -m services.audit`: runs the service."""

from services.audit.app import build
from services.chassis.service import main

main(build)
