"""`python -m console`."""

from console.app import main

main()
