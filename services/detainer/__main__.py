"""`python -m services.detainer`: runs the service."""

from services.chassis.service import main
from services.detainer.app import build

main(build)
