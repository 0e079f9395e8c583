"""What each keyword of ssh_config(5) is to us: used, of no concern, or not supported."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto


class Keyword(Enum):
    """How a keyword is dealt with."""

    USED = auto()
    HARMLESS = auto()
    """About terminals, forwardings, logs: nothing that could change where or as whom we log in."""
    UNSUPPORTED = auto()
    """Passing over it may change what the user meant: a warning."""
    UNKNOWN = auto()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ALL_VALUES = frozenset({"identityfile", "certificatefile", "sendenv"})
"""Keywords whose values add up instead of the first one winning."""

_USED = _words(
    """
    addressfamily bindaddress casignaturealgorithms certificatefile challengeresponseauthentication
    ciphers compression connecttimeout globalknownhostsfile gssapiauthentication hostkeyalgorithms
    hostkeyalias hostname identitiesonly identityagent identityfile ignoreunknown kbdinteractiveauthentication
    kexalgorithms macs passwordauthentication port preferredauthentications proxycommand proxyjump
    pubkeyacceptedalgorithms pubkeyacceptedkeytypes pubkeyauthentication sendenv serveralivecountmax
    serveraliveinterval setenv stricthostkeychecking tag user userknownhostsfile
    """
)
_HARMLESS = _words(
    """
    addkeystoagent batchmode channeltimeout checkhostip clearallforwardings connectionattempts
    dynamicforward enableescapecommandline enablesshkeysign escapechar exitonforwardfailure
    fingerprinthash forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted
    gatewayports gssapidelegatecredentials gssapikeyexchange gssapitrustdns hashknownhosts
    hostbasedacceptedalgorithms hostbasedkeytypes ipqos kbdinteractivedevices localcommand localforward
    loglevel logverbose numberofpasswordprompts obscurekeystroketiming permitlocalcommand
    permitremoteopen rekeylimit remotecommand remoteforward requesttty sessiontype stdinnull
    streamlocalbindmask streamlocalbindunlink syslogfacility tcpkeepalive tunnel tunneldevice
    updatehostkeys usekeychain visualhostkey warnweakcrypto xauthlocation
    """
)
_UNSUPPORTED = _words(
    """
    bindinterface canonicaldomains canonicalizefallbacklocal canonicalizehostname canonicalizemaxdots
    canonicalizepermittedcnames controlmaster controlpath controlpersist hostbasedauthentication
    knownhostscommand nohostauthenticationforlocalhost pkcs11provider proxyusefdpass refuseconnection
    requiredrsasize revokedhostkeys securitykeyprovider verifyhostkeydns versionaddendum
    """
)
_OFF = ("no", "none", "false")


def meaning(keyword: str, args: Sequence[str]) -> Keyword:
    """Return how a keyword with these arguments is dealt with; one that only says no is of no concern."""
    if keyword in _USED:
        return Keyword.USED
    if keyword in _UNSUPPORTED:
        return Keyword.HARMLESS if args[0].lower() in _OFF else Keyword.UNSUPPORTED
    return Keyword.HARMLESS if keyword in _HARMLESS else Keyword.UNKNOWN
