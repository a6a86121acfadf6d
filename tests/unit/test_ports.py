"""A port that is given to one stack is given to no other, from before anybody listens there until the stack is down."""

import socket
import subprocess
import sys

import pytest

from sandbox.ports import HOST, can_listen, claimed_port, free_port

ANOTHER_PROCESS = "from sandbox.ports import claimed_port\nwith claimed_port({port}) as port: print(port)"


def test_what_is_given_lies_below_the_ports_of_outgoing_connections() -> None:
    assert all(20_000 <= free_port() < 30_000 for _ in range(50))


def test_the_preferred_port_is_given_when_it_is_free() -> None:
    preferred = free_port()

    with claimed_port(preferred) as port:
        assert port == preferred


def test_a_claimed_port_is_given_to_nobody_else_in_any_process_and_can_be_listened_on() -> None:
    with claimed_port() as port:
        program = [sys.executable, "-c", ANOTHER_PROCESS.format(port=port)]
        given_there = int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
        with claimed_port(port) as given_here:
            assert port not in {given_here, given_there}
        with socket.create_server((HOST, port)):
            assert not can_listen(port)

    with claimed_port(port) as again:
        assert again == port


def test_a_port_that_somebody_listens_on_is_given_to_nobody() -> None:
    with socket.create_server((HOST, 0)) as listener:
        taken = listener.getsockname()[1]
        with claimed_port(taken) as port:
            assert port != taken


def test_a_claim_ends_with_whatever_went_wrong() -> None:
    with pytest.raises(ZeroDivisionError), claimed_port() as port:
        raise ZeroDivisionError

    with claimed_port(port) as again:
        assert again == port
