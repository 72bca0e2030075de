"""Getting in with a key, and saying exactly why not."""

import paramiko

from deployctl.errors import UnreachableError
from deployctl.host.agent import SIGN_SECONDS, AgentKey
from deployctl.host.keys import Keyring, Offer
from deployctl.host.ssh_config import Endpoint
from deployctl.host.transport import SshTransport

_OTHERS = ("password", "keyboard-interactive", "hostbased", "gssapi-with-mic")


class PromptTooLongError(Exception):
    """The host hung up while a person typed a passphrase. The key is unlocked now: try again."""


class KeyAuthentication:
    """What paramiko's client calls to authenticate, in place of its own search for keys."""

    def __init__(self, endpoint: Endpoint, keyring: Keyring) -> None:
        self._endpoint = endpoint
        self._keyring = keyring

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Returns when a key was accepted.

        Raises UnreachableError, ConfigError, PromptTooLongError.
        """
        notes: list[str] = []
        refused: list[str] = []
        asked = self._keyring.asked
        for offer in self._keyring.offers(self._endpoint, notes):
            try:
                further = self._offer(transport, offer)
            except paramiko.BadAuthenticationType as error:
                raise self._wants(error.allowed_types, refused, notes) from error
            except (paramiko.SSHException, EOFError, OSError) as error:
                if not transport.is_active():
                    if self._keyring.asked > asked:
                        raise PromptTooLongError from error
                    raise self._hung_up(transport, [*refused, offer.origin], notes) from error
                refused.append(offer.origin)
                continue
            if further:
                raise self._second_step(offer, further)
            if isinstance(transport, SshTransport):
                transport.identity = offer
            return
        others = self._other_ways(transport)
        if transport.is_authenticated():
            return  # it asks nothing of anybody
        raise self._wants(others, refused, notes) if others else self._refused(refused, notes)

    def _offer(self, transport: paramiko.Transport, offer: Offer) -> list[str]:
        """What the host wants besides, once it took the key."""
        if isinstance(offer.key, AgentKey):
            # A person may have to touch a token.
            transport.auth_timeout = max(transport.auth_timeout, SIGN_SECONDS)
        return transport.auth_publickey(self._endpoint.user, offer.key)

    def _other_ways(self, transport: paramiko.Transport) -> list[str]:
        """What the host would take instead of a key."""
        try:
            transport.auth_none(self._endpoint.user)
        except paramiko.BadAuthenticationType as error:
            return [name for name in error.allowed_types if name in _OTHERS]
        except (paramiko.SSHException, EOFError, OSError):
            return []
        return []

    # -- the refusals ---------------------------------------------------------------------------

    def _wants(self, allowed: list[str], refused: list[str], notes: list[str]) -> UnreachableError:
        """Keys are refused, and what is left is not for us: it has to be typed, mostly."""
        ways = ", ".join(allowed) or "nothing that it names"
        if "publickey" not in allowed and not refused:
            said = (
                f"It takes no keys at all, only {ways}; deployctl comes with a key or not at all."
            )
        else:
            said = f"{_list(refused)} It would also take {ways}; deployctl offers only keys."
        return self._error(said, notes)

    def _refused(self, refused: list[str], notes: list[str]) -> UnreachableError:
        return self._error(_list(refused), notes)

    def _second_step(self, offer: Offer, further: list[str]) -> UnreachableError:
        endpoint = self._endpoint
        return UnreachableError(
            f"{endpoint.label} took the key {offer.origin}, and then also wants "
            f"{', '.join(further)}; deployctl offers only keys.",
            next_step=(
                "Let this user in by key alone: in the host's sshd_config, "
                f"`Match User {endpoint.user}` with `AuthenticationMethods publickey`."
            ),
        )

    def _hung_up(
        self, transport: paramiko.Transport, refused: list[str], notes: list[str]
    ) -> UnreachableError:
        endpoint = self._endpoint
        words = str(getattr(transport, "last_words", ""))
        if "Too many authentication failures" not in words and len(refused) < 2:
            return self._error(
                f"It closed the connection at {refused[0]}: {words or 'without a word'}.", notes
            )
        also = f" Also: {'; '.join(notes)}." if notes else ""
        return UnreachableError(
            f"{endpoint.label} does not let us in as {endpoint.user}: too many authentication "
            f"failures. It hung up after {len(refused)} keys (its MaxAuthTries): "
            f"{'; '.join(refused)}.{also}",
            next_step=(
                "Name the one key: `host.key_file` in the settings, or `IdentityFile` with "
                "`IdentitiesOnly yes` in ~/.ssh/config."
            ),
        )

    def _error(self, said: str, notes: list[str]) -> UnreachableError:
        endpoint = self._endpoint
        more = f" Also: {'; '.join(notes)}." if notes else ""
        if endpoint.not_done:
            more += f" {', '.join(endpoint.not_done)} of ~/.ssh/config is not used."
        return UnreachableError(
            f"{endpoint.label} does not let us in as {endpoint.user}. {said}{more}",
            next_step=(
                f"Check the user and the key: ssh -v {endpoint.ssh_words}; the public key belongs "
                f"into ~{endpoint.user}/.ssh/authorized_keys on the host."
            ),
        )


def _list(refused: list[str]) -> str:
    return f"It refused: {'; '.join(refused)}." if refused else "There was no key to offer."
