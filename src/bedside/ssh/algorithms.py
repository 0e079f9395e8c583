"""Which algorithms are offered to a host: sound ones, and for a host that a rule names the dead ones too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_certificate_algs, get_public_key_algs

from bedside.ssh.options import Algorithms
from bedside.ssh.patterns import PatternList

_LEGACY = re.compile(
    r"ssh-rsa.*|ssh-dss.*|.*-sha1(?!\d).*|rsa1024-.*|gss-.*sha1|.*-cbc.*|arcfour.*|hmac-sha1.*|hmac-md5.*"
    r"|hmac-.*-96.*|hmac-.*@ssh\.com|.*-sha224.*|ssh-rsa-sha.*"
)

# The order in which we like them best; what AsyncSSH knows beyond these comes after them. GCM stands before
# chacha20-poly1305 because AsyncSSH is quicker with it and Terrapin does not touch it.
_LIKED_KEX = (
    "mlkem768x25519-sha256", "sntrup761x25519-sha512@openssh.com", "curve25519-sha256",
    "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
)  # fmt: skip
_LIKED_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com")
_LIKED_MACS = (
    "umac-64-etm@openssh.com", "umac-128-etm@openssh.com", "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com", "umac-64@openssh.com", "umac-128@openssh.com", "hmac-sha2-256",
    "hmac-sha2-512",
)  # fmt: skip
_LIKED_KEYS = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", "rsa-sha2-512", "rsa-sha2-256",
)  # fmt: skip


def is_legacy(name: str) -> bool:
    """Return True for an algorithm that is only for hosts which a rule names."""
    return _LEGACY.fullmatch(name.removesuffix("-cert-v01@openssh.com")) is not None


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered to a host, best first. `keys` and `certificates` are host keys' algorithms."""

    kex: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    keys: tuple[str, ...]
    certificates: tuple[str, ...]
    signatures: tuple[str, ...]
    compression: tuple[str, ...]
    held_back: tuple[str, ...]
    """Legacy algorithms that ssh_config asks for by name, and no rule of ours allows."""

    def host_keys(self, known: Iterable[str], *, certified: bool) -> list[str]:
        """Return the host key algorithms, those of the known keys' types first."""
        first = [alg for kind in known for alg in _signatures_of(kind)]
        order = [alg for alg in self.keys if alg in first]
        plain = [*order, *(alg for alg in self.keys if alg not in first)]
        return [*self.certificates, *plain] if certified else plain


@lru_cache(maxsize=64)
def offer(wanted: Algorithms, *, legacy: bool) -> Offer:
    """Return what to offer: the defaults, changed as ssh_config says, without what is held back.

    Raises ValueError where an ssh_config list leaves nothing.
    """
    held_back: list[str] = []

    def choose(
        what: str, spec: str | None, liked: Sequence[str], all_of: Callable[[], list[bytes]]
    ) -> tuple[str, ...]:
        names = [alg.decode() for alg in all_of() if not alg.startswith(b"gss-")]
        sound = [
            *(n for n in liked if n in names),
            *(n for n in names if n not in liked and not is_legacy(n)),
        ]
        default = [*sound, *(n for n in names if legacy and n not in sound)]
        chosen = _apply(spec, names, default) if spec else default
        if not legacy:
            held_back.extend(n for n in chosen if is_legacy(n))
            chosen = [n for n in chosen if not is_legacy(n)]
        else:
            chosen = [*chosen, *(n for n in names if is_legacy(n) and n not in chosen)]
        if not chosen:
            raise ValueError(f"no {what} is left that bedside knows and may use: {spec}")
        return tuple(chosen)

    plain_keys, cert_keys = _split_certificates(wanted.host_keys)
    return Offer(
        kex=choose("KexAlgorithms", wanted.kex, _LIKED_KEX, get_kex_algs),
        ciphers=choose("Ciphers", wanted.ciphers, _LIKED_CIPHERS, get_encryption_algs),
        macs=choose("MACs", wanted.macs, _LIKED_MACS, get_mac_algs),
        keys=choose("HostKeyAlgorithms", plain_keys, _LIKED_KEYS, get_public_key_algs),
        certificates=choose("HostKeyAlgorithms", cert_keys, (), get_certificate_algs),
        signatures=choose("PubkeyAcceptedAlgorithms", wanted.signatures, _LIKED_KEYS, get_public_key_algs),
        compression=("zlib@openssh.com", "none") if wanted.compression else ("none", "zlib@openssh.com"),
        held_back=tuple(dict.fromkeys(held_back)),
    )


def _signatures_of(kind: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa") if kind == "ssh-rsa" else (kind,)


def _apply(spec: str, names: list[str], default: list[str]) -> list[str]:
    sign = spec[0] if spec[0] in "+-^" else ""
    matched: list[str] = []
    for pattern in spec.removeprefix(sign).split(","):
        one = PatternList.parse([pattern])
        matched += [n for n in names if one.matches(n) and n not in matched]
    match sign:
        case "+":
            return [*default, *(n for n in matched if n not in default)]
        case "-":
            return [n for n in default if n not in matched]
        case "^":
            return [*matched, *(n for n in default if n not in matched)]
    return matched


def _split_certificates(spec: str | None) -> tuple[str | None, str | None]:
    """Split a HostKeyAlgorithms list into that for plain keys and that for certificates."""
    if not spec:
        return None, None
    sign = spec[0] if spec[0] in "+-^" else ""
    names = spec.removeprefix(sign).split(",")
    plain = ",".join(n for n in names if "-cert-" not in n)
    certified = ",".join(n for n in names if "-cert-" in n or "*" in n)
    return (sign + plain if plain else None), (sign + certified if certified else None)
