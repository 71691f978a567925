"""Submod stanza: what is put into the outbox, and every refusal."""

import re
import xml.etree.ElementTree as xml

import world
from world import CHAT, HOST


class SendMessage(world.TestCase):
    def sends(self, *args, route, audit):
        """Run the command; the outbox has one message for the JID `route`, which is returned."""
        before = self.state()
        self.ok(self.adminex(*args), "")
        after = self.state()
        self.assertEqual(self.changed(before, after), set())
        self.assertEqual(self.new_audit(before, after),
                         [(args[0], world.ACTOR, "cli", dict(zip(("from", "to"), audit)), 1,
                           "ok")])
        ((jid, kind, payload),) = self.new_outbox(before, after)
        self.assertEqual((jid, kind, list(payload)), (route, "message", ["stanza"]))
        return payload["stanza"]

    def test_send_message_chat(self):
        stanza = self.sends("send_message_chat", "Admin@example.org/Desk", "ROMEO@example.org",
                            "a <b> & 'c'\n\"d\" ☃", route="romeo@example.org",
                            audit=("admin@example.org/Desk", "romeo@example.org"))
        self.assertRegex(stanza, r"\A<message xmlns='jabber:client' type='chat' "
                                 r"from='admin@example.org/Desk' to='romeo@example.org' "
                                 r"id='[0-9a-f]{16}'><body>a &lt;b&gt; &amp; 'c'\n\"d\" ☃</body>"
                                 r"</message>\Z")

    def test_send_message_chat_has_a_new_id_each_time(self):
        ids = {re.search("id='([^']*)'", self.sends(
            "send_message_chat", HOST, f"romeo@{HOST}", "x", route="romeo@example.org",
            audit=(HOST, "romeo@example.org")))[1] for _ in range(2)}
        self.assertEqual(len(ids), 2)

    def test_send_message_chat_to_any_kind_of_jid(self):
        for typed, to, bare in [("romeo@example.org/phone", "romeo@example.org/phone",
                                 "romeo@example.org"),
                                ("nobody@elsewhere.example", "nobody@elsewhere.example",
                                 "nobody@elsewhere.example"),
                                ("Elsewhere.example", "elsewhere.example", "elsewhere.example"),
                                ("romeo@example.org/", "romeo@example.org", "romeo@example.org"),
                                ("romeo@example.org/a/b@c", "romeo@example.org/a/b@c",
                                 "romeo@example.org")]:
            stanza = self.sends("send_message_chat", CHAT, typed, "", route=bare,
                                audit=(CHAT, to))
            self.assertEqual(xml.fromstring(stanza).get("to"), to)

    def test_send_message_headline(self):
        stanza = self.sends("send_message_headline", HOST, "romeo@example.org", "On <us>", "all",
                            route="romeo@example.org", audit=(HOST, "romeo@example.org"))
        self.assertRegex(stanza, r"\A<message xmlns='jabber:client' type='headline' "
                                 r"from='example.org' to='romeo@example.org' id='[0-9a-f]{16}'>"
                                 r"<subject>On &lt;us&gt;</subject><body>all</body></message>\Z")

    def test_send_message_of_bad_jids(self):
        for bad in ("", "@example.org", "a@b@c", "romeo@", "/phone", "a b@example.org", b"\xff@x",
                    "romeo@example.org/a\x01", "a" * 1024 + "@b"):
            with self.subTest(bad=bad[:20]):
                self.does("send_message_chat", bad, "romeo@example.org", "x",
                          no="Sender JID is invalid")
                self.does("send_message_headline", HOST, bad, "x", "y",
                          no="Receiver JID is invalid")
        self.does("send_message_headline", "@", "@", "x", "y", no="Sender JID is invalid")
        self.does("send_message_chat", HOST, "@", "x", no="Receiver JID is invalid")

    def test_send_message_rejects_text_that_xml_cannot_carry(self):
        self.rejects("send_message_chat", HOST, HOST, "\x01", pattern="argument 'body'")
        self.rejects("send_message_headline", HOST, HOST, b"\xff", "x",
                     pattern="argument 'subject'")


class SendStanza(world.TestCase):
    STANZA = "<presence from='somebody@else'><show>away</show></presence>"

    def setUp(self):
        super().setUp()
        self.online("romeo", "phone")

    def test_send_stanza_c2s(self):
        for stanza in (self.STANZA,
                       "<message xmlns='jabber:client'><body>é &amp; ☃</body></message>",
                       "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"):
            self.does("send_stanza_c2s", "Romeo", HOST, "phone", stanza,
                      says="Stanza has been sent",
                      audit={"user": "romeo", "host": HOST, "resource": "phone"},
                      outbox=[("romeo@example.org", "stanza",
                               {"resource": "phone", "stanza": stanza})])

    def test_send_stanza_c2s_that_is_bad(self):
        for stanza in ("", "no xml", "<presence>", "<presence/><iq/>", "<a/>", "<!DOCTYPE iq><iq/>",
                       "<iq>&x;</iq>", "<Iq/>"):
            self.does("send_stanza_c2s", "romeo", HOST, "phone", stanza, no="Stanza is incorrect")

    def test_send_stanza_c2s_without_a_session(self):
        for user, host, resource in [("romeo", HOST, "Phone"), ("romeo", CHAT, "phone"),
                                     ("nobody", HOST, "phone")]:
            self.does("send_stanza_c2s", user, host, resource, self.STANZA, rows=0,
                      no=f"User {user}@{host}/{resource} does not exist",
                      outcome="user_does_not_exist",
                      audit={"user": user, "host": host, "resource": resource})
        for user, host, resource in [("a@b", HOST, "phone"), ("romeo", HOST, "")]:
            self.does("send_stanza_c2s", user, host, resource, self.STANZA,
                      no=f"User {user}@{host}/{resource} does not exist")

    def test_send_stanza_c2s_a_missing_session_wins_over_a_bad_stanza(self):
        self.does("send_stanza_c2s", "juliet", HOST, "phone", "<",
                  no="User juliet@example.org/phone does not exist")

    def test_send_stanza_c2s_rejects_bytes_that_are_no_text(self):
        self.rejects("send_stanza_c2s", "romeo", HOST, "phone", b"<iq>\xff</iq>",
                     pattern="argument 'stanza'")
