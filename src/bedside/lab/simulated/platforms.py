"""What the simulated hosts are: the table of Debian releases and of look-alikes. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bedside.lab.level import Kind

SIMULATED = "simulated by bedside lab"


@dataclass(frozen=True, slots=True)
class Platform:
    """One kind of host. `files` are templates with `{name}`, `{address}`, `{machine_id}`."""

    kind: Kind
    release: str
    """Debian's code name; empty for look-alikes."""
    number: str
    description: str
    kernel: str
    kernel_release: str
    machine: str
    ssh_version: str
    login_shell: Literal["bash", "sh"]
    packages: Mapping[str, str]
    fixed_bash: str
    files: Mapping[str, str]
    sftp: bool = True

    @property
    def vulnerable_bash(self) -> str:
        """The version of bash that a host starts with; empty where it has none."""
        return self.packages.get("bash", "")


_COMMON: dict[str, str] = {
    "/tmp/": "",  # noqa: S108 - a folder of the host
    "/var/tmp/": "",  # noqa: S108
    "/var/log/": "",
    "/root/": "",
    "/home/ops/": "",
    "/etc/hostname": "{name}\n",
}
_ACCOUNTS = "root:x:0:0:root:/root:/bin/bash\nops:x:1000:1000::/home/ops:/bin/bash\n"
_RELAYHOST = """\
address_verify_relayhost = $relayhost
address_verify_sender_dependent_relayhost_maps = $sender_dependent_relayhost_maps
empty_address_relayhost_maps_lookup_key = <>
mydestination = $myhostname, localhost
myhostname = {name}
relayhost = mail.lab.invalid
sender_dependent_relayhost_maps =
"""

# code name: version, kernel, machine, OpenSSH, bash, apt, libc6, openssl
_DEBIAN: Mapping[str, tuple[str, ...]] = {
    "bullseye": ("11.11", "5.10.0-32-amd64", "x86_64", "8.4p1", "5.1-2+b3", "2.2.4", "2.31-13", "1.1.1w-0"),
    "bookworm": ("12.11", "6.1.0-37-amd64", "x86_64", "9.2p1", "5.2.15-2+b8", "2.6.1", "2.36-9", "3.0.16-1"),
    "trixie": ("13.0", "6.12.38-amd64", "x86_64", "10.0p1", "5.2.37-2+b3", "3.0.3", "2.41-12", "3.5.1-1"),
}


def debian(release: str) -> Platform:
    """Return a Debian release by code name. Raises KeyError."""
    number, kernel, machine, openssh, bash, apt, libc, openssl = _DEBIAN[release]
    major = number.split(".")[0]
    return Platform(
        kind="debian",
        release=release,
        number=number,
        description=f"Debian GNU/Linux {number} ({release})",
        kernel="Linux",
        kernel_release=kernel,
        machine=machine,
        ssh_version=f"OpenSSH_{openssh}",
        login_shell="bash",
        packages={
            "bash": f"{bash}+lab1",
            "apt": apt,
            "libc6": libc,
            "openssl": openssl,
            "openssh-server": f"1:{openssh}-2",
        },
        fixed_bash=f"{bash}+lab2",
        files={
            **_COMMON,
            "/etc/debian_version": f"{number}\n",
            "/etc/machine-id": "{machine_id}\n",
            "/etc/passwd": _ACCOUNTS,
            "/etc/postfix/main.cf": _RELAYHOST,
            "/etc/os-release": f'PRETTY_NAME="Debian GNU/Linux {major} ({release})"\n'
            f'NAME="Debian GNU/Linux"\nVERSION_ID="{major}"\nVERSION_CODENAME={release}\nID=debian\n',
        },
    )


def _lookalike(
    kind: Kind, number: str, kernel: tuple[str, str, str], ssh: str, *, files: Mapping[str, str], sftp: bool
) -> Platform:
    return Platform(
        kind=kind,
        release="",
        number=number,
        description=f"{_NAMES[kind]} {number}",
        kernel=kernel[0],
        kernel_release=kernel[1],
        machine=kernel[2],
        ssh_version=ssh,
        login_shell="sh",
        packages={},
        fixed_bash="",
        files={**_COMMON, **files},
        sftp=sftp,
    )


_NAMES: Mapping[Kind, str] = {
    "openwrt": "OpenWrt",
    "qnap": "QTS",
    "cygwin": "Cygwin",
    "appliance": "Appliance",
}
_OPENWRT = {
    "/etc/openwrt_release": "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='22.03.5'\n",
    "/etc/os-release": 'NAME="OpenWrt"\nVERSION="22.03.5"\nID="openwrt"\nPRETTY_NAME="OpenWrt 22.03.5"\n',
    "/etc/banner": "OpenWrt\n",
}
_QNAP = {"/etc/config/uLinux.conf": "[System]\nModel = TS-X41\nVersion = 4.3.6\nBuild Number = 20230101\n"}
_MIPS, _NAS = ("Linux", "5.10.176", "mips"), ("Linux", "4.14.24-qnap", "armv7l")
_WINDOWS = ("CYGWIN_NT-10.0-19045", "3.4.9-1.x86_64", "x86_64")

LOOKALIKES: Mapping[Kind, Platform] = {
    "openwrt": _lookalike("openwrt", "22.03.5", _MIPS, "dropbear_2022.82", files=_OPENWRT, sftp=False),
    "qnap": _lookalike("qnap", "4.3.6", _NAS, "OpenSSH_8.0", files=_QNAP, sftp=True),
    "cygwin": _lookalike(
        "cygwin", "3.4.9", _WINDOWS, "OpenSSH_9.3", files={"/cygdrive/c/Windows/": ""}, sftp=True
    ),
    "appliance": _lookalike("appliance", "1.0", ("", "", ""), "Appliance_1.0", files={}, sftp=False),
}
