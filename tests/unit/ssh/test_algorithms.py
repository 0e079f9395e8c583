"""Which algorithms are offered to whom."""

from __future__ import annotations

import pytest

from bedside.ssh.algorithms import is_legacy, offer
from bedside.ssh.options import Algorithms

DEAD = [
    "ssh-rsa", "ssh-dss", "ssh-rsa-cert-v01@openssh.com", "diffie-hellman-group1-sha1", "arcfour",
    "diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1", "aes128-cbc", "3des-cbc",
    "hmac-sha1", "hmac-sha1-etm@openssh.com", "hmac-md5", "hmac-sha2-256-96", "rsa1024-sha1",
]  # fmt: skip
SOUND = [
    "rsa-sha2-256", "rsa-sha2-512-cert-v01@openssh.com", "ssh-ed25519", "curve25519-sha256",
    "diffie-hellman-group14-sha256", "diffie-hellman-group-exchange-sha256", "aes128-gcm@openssh.com",
    "umac-64-etm@openssh.com", "chacha20-poly1305@openssh.com", "hmac-sha2-256",
]  # fmt: skip


def test_which_algorithms_are_dead() -> None:
    assert [name for name in DEAD if not is_legacy(name)] == []
    assert [name for name in SOUND if is_legacy(name)] == []


def test_by_default_nothing_dead_is_offered() -> None:
    chosen = offer(Algorithms(), legacy=False)
    lists = (
        chosen.kex, chosen.ciphers, chosen.macs, chosen.keys, chosen.certificates, chosen.signatures,
    )  # fmt: skip
    assert [name for names in lists for name in names if is_legacy(name)] == []
    assert all(lists)


def test_a_rule_adds_the_dead_ones_behind_the_sound_ones() -> None:
    chosen = offer(Algorithms(), legacy=True)
    assert {"diffie-hellman-group1-sha1", "curve25519-sha256"} <= set(chosen.kex)
    assert chosen.kex.index("curve25519-sha256") < chosen.kex.index("diffie-hellman-group1-sha1")
    assert chosen.keys[-1] == "ssh-dss"
    assert {"3des-cbc", "aes128-cbc"} <= set(chosen.ciphers)
    assert "hmac-md5" in chosen.macs


@pytest.mark.parametrize("spec", ["+ssh-rsa", "^ssh-rsa", "ssh-ed25519,ssh-rsa", "ssh*"])
def test_what_the_user_allows_by_name_is_held_back_and_said(spec: str) -> None:
    chosen = offer(Algorithms(host_keys=spec), legacy=False)
    assert "ssh-rsa" not in chosen.keys
    assert "ssh-rsa" in chosen.held_back
    assert "ssh-rsa" in offer(Algorithms(host_keys=spec), legacy=True).keys


def test_the_users_lists_are_honoured() -> None:
    assert offer(Algorithms(ciphers="aes256-ctr,aes128-ctr"), legacy=False).ciphers == (
        "aes256-ctr",
        "aes128-ctr",
    )
    assert "aes128-ctr" not in offer(Algorithms(ciphers="-aes*"), legacy=False).ciphers
    assert offer(Algorithms(kex="^ecdh-sha2-nistp521"), legacy=False).kex[0] == "ecdh-sha2-nistp521"
    assert offer(Algorithms(host_keys="rsa-sha2-512"), legacy=False).keys == ("rsa-sha2-512",)
    with pytest.raises(ValueError, match="Ciphers"):
        offer(Algorithms(ciphers="rot13"), legacy=False)


def test_known_types_come_first() -> None:
    chosen = offer(Algorithms(), legacy=False)
    assert chosen.host_keys(["ssh-rsa"], certified=False)[:2] == ["rsa-sha2-512", "rsa-sha2-256"]
    assert chosen.host_keys(["ecdsa-sha2-nistp384"], certified=False)[0] == "ecdsa-sha2-nistp384"
    assert chosen.host_keys([], certified=False)[0] == "ssh-ed25519"
    assert "-cert-" in chosen.host_keys([], certified=True)[0]
    assert not any("-cert-" in name for name in chosen.host_keys([], certified=False))
