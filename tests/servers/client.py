"""A real XMPP client: it logs in with a password and looks at what the server has of the account.

    seen = client.visit(5222, "romeo@example.org", "wherefore art thou", "SCRAM-SHA-1",
                        private=["{storage:bookmarks}storage"], requests=1)
    seen.roster, seen.vcard, seen.private, seen.requests, seen.offline

Elements are as the server sent them. The server is at 127.0.0.1, without TLS.
"""

import asyncio
import dataclasses
import logging
import xml.etree.ElementTree as ET

# What it has to say about ends of connections is said by what is raised here.
for name in ("slixmpp", "asyncio"):
    logging.getLogger(name).setLevel(logging.CRITICAL)

import slixmpp  # pylint: disable=wrong-import-position
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

TIMEOUT = 30
ROSTER, VCARD, PRIVATE = "jabber:iq:roster", "vcard-temp", "jabber:iq:private"
CLIENT = "{jabber:client}"


class Refused(Exception):
    """The server did not let the client in."""


@dataclasses.dataclass
class Seen:
    roster: list  # of elements item
    vcard: ET.Element | None
    private: dict  # name to element; without those of which the server has nothing
    requests: list  # of presences: who asks to be let into the roster
    offline: list  # of messages


class Visitor:
    def __init__(self, jid, password, mechanism):
        self.xmpp = slixmpp.ClientXMPP(jid, password, sasl_mech=mechanism, plugin_config={
            "feature_mechanisms": {"unencrypted_plain": True, "unencrypted_scram": True}})
        self.loop = asyncio.get_running_loop()
        self.session = self.loop.create_future()
        self.presences, self.messages = [], []
        # It would answer requests by itself.
        self.xmpp.auto_authorize = self.xmpp.auto_subscribe = None
        self.xmpp.add_event_handler("session_start", lambda _: self.settle(None))
        for event in ("failed_all_auth", "disconnected", "connection_failed", "stream_error"):
            self.xmpp.add_event_handler(event, lambda _, event=event: self.settle(event))
        for name, kept in (("presence", self.presences), ("message", self.messages)):
            self.xmpp.register_handler(Callback(f"see {name}", MatchXPath(CLIENT + name),
                                                lambda stanza, kept=kept: kept.append(stanza.xml)))

    def settle(self, failure):
        if self.session.done():
            return
        if failure is None:
            self.session.set_result(None)
        else:
            self.session.set_exception(Refused(failure))

    async def enter(self, port):
        self.xmpp.connect(("127.0.0.1", port), disable_starttls=True)
        await asyncio.wait_for(self.session, TIMEOUT)

    async def leave(self):
        self.xmpp.abort()
        await asyncio.sleep(0)

    async def ask(self, payload):
        """What the server answers to a get; None when it has nothing of that."""
        iq = self.xmpp.make_iq_get()
        iq.append(payload)
        try:
            answer = await iq.send(timeout=TIMEOUT)
        except slixmpp.exceptions.IqError as error:
            if error.condition == "item-not-found":
                return None
            raise
        return next(iter(answer.xml), None)

    async def roster(self):
        return list(await self.ask(ET.Element(f"{{{ROSTER}}}query")))

    async def vcard(self):
        found = await self.ask(ET.Element(f"{{{VCARD}}}vCard"))
        return found if found is not None and len(found) else None

    async def private(self, name):
        query = ET.Element(f"{{{PRIVATE}}}query")
        query.append(ET.Element(name))
        found = next(iter(await self.ask(query)), None)
        return found if found is not None and (len(found) or found.text or found.attrib) else None

    def requests(self):
        return [xml for xml in self.presences if xml.get("type") == "subscribe"]

    async def arrive(self, requests, offline):
        """Be available, and wait for so many stanzas and for any more that may come with them."""
        self.xmpp.send_presence()
        deadline = self.loop.time() + TIMEOUT
        await self.roster()
        while self.loop.time() < deadline and (len(self.requests()) < requests
                                               or len(self.messages) < offline):
            await asyncio.sleep(0.05)
        await self.roster()


async def look(port, jid, password, mechanism, private, requests, offline):
    visitor = Visitor(jid, password, mechanism)
    try:
        await visitor.enter(port)
        roster, vcard = await visitor.roster(), await visitor.vcard()
        elements = {name: await visitor.private(name) for name in private}
        await visitor.arrive(requests, offline)
        return Seen(roster, vcard, {name: e for name, e in elements.items() if e is not None},
                    visitor.requests(), visitor.messages)
    finally:
        await visitor.leave()


def visit(port, jid, password, mechanism=None, private=(), requests=0, offline=0):
    """Log in, look, leave. Refused when the server does not let one in."""
    return asyncio.run(look(port, jid, password, mechanism, private, requests, offline))
