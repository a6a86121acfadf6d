"""`python -m services.biometric_match`: runs the service."""

from services.biometric_match.app import build
from services.chassis.service import main

main(build)
