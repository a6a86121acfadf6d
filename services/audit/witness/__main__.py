"""`python -m services.audit.witness`: runs a witness."""

from services.audit.witness.app import main

main()
