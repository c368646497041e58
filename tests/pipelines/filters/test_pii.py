"""Personal data is found as its standards define it: addresses by their networks, numbers by their digits."""

import ipaddress
import random
from typing import Any

from triptych.schemas.config.filters.text import Pii

# networks whose addresses are of no person: RFC 1122, 1918 and 3927, and what is not a host
NOBODYS = [
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "255.0.0.0/8"),
    )
]


def addresses() -> list[str]:
    """Addresses at and beside the ends of every such network, and some drawn from all."""
    draw = random.Random(0)
    numbers = [draw.randrange(1 << 32) for _ in range(200)]
    for network in NOBODYS:
        first, last = int(network.network_address), int(network.broadcast_address)
        numbers += [first - 1, first, draw.randint(first, last), last, last + 1]
    return [str(ipaddress.ip_address(number)) for number in numbers if 0 <= number < 1 << 32]


def test_public_addresses_are_found_and_private_ones_are_not(judge: Any) -> None:
    texts = addresses()
    public = [not any(ipaddress.ip_address(text) in network for network in NOBODYS) for text in texts]
    found = judge(Pii(name="pii"), [f"It came from {text}, they said" for text in texts])
    assert found == {row: ["1 IP addresses"] for row, is_public in enumerate(public) if is_public}


def test_a_part_above_255_makes_no_address(judge: Any) -> None:
    for place in range(4):
        parts = ["8", "9", "7", "6"]
        for value, hit in (("255", place > 0), ("256", False), ("260", False), ("300", False), ("99", True)):
            parts[place] = value
            assert bool(judge(Pii(name="pii"), ["plain", ".".join(parts)])) == hit, parts


def test_an_international_number_has_8_to_15_digits(judge: Any) -> None:
    draw = random.Random(1)
    for digits in range(5, 20):
        number = "+" + "".join(str(draw.randrange(10)) for _ in range(digits))
        found = judge(Pii(name="pii"), ["plain", f"call {number} today"])
        assert found == ({1: ["1 phone numbers"]} if 8 <= digits <= 15 else {}), number
        if digits <= 15:  # a longer one may begin with a number that a separator ends
            parted = "+" + "".join(digit + draw.choice((" ", "-", "", ") ")) for digit in number[1:-1]) + number[-1]
            assert judge(Pii(name="pii"), ["plain", f"call {parted} today"]) == found, parted


def test_kinds_are_added_up_before_they_are_compared_with_the_most(judge: Any) -> None:
    texts = ["a@b.example", "a@b.example 8.8.8.8", "a@b.example 8.8.8.8 555-555-0100"]
    assert list(judge(Pii(name="pii", max=0), texts)) == [0, 1, 2]
    assert list(judge(Pii(name="pii", max=1), texts)) == [1, 2]
    assert judge(Pii(name="pii", max=2), texts) == {2: ["1 e-mail addresses, 1 phone numbers, 1 IP addresses"]}
