"""Who moves to another server: the real data, and accounts that are unusual in one way each."""

import base64
import csv
import functools
import json
import xml.etree.ElementTree as ET

import harness
import world
from world import HOST

REAL = harness.DATA / "ejabberd-23.01"
# Each of so many real accounts logs in, and each that has a request or a name that is not ASCII.
EVERY = 9

ODD = "&<>'\"\\ {},]]> -- é ☃"
PHOTO = bytes(range(256)) * 8
UNPADDED = b"seven b"

SALUTE = "<message xmlns='jabber:client' {} type='chat' id='m1'><body>{}</body></message>"
VCARD = ("<vCard xmlns='vcard-temp'><FN>Romeo &lt;\"M&amp;M\"&gt; ☃</FN><N><FAMILY>Montague</FAMILY>"
         "<GIVEN>Romeo</GIVEN></N><NICKNAME>romeo</NICKNAME><EMAIL><USERID>romeo@example.org"
         "</USERID></EMAIL><ORG><ORGNAME>House &amp; Sons</ORGNAME></ORG><URL>http://example.org/?a&amp;b"
         "</URL><PHOTO><TYPE>image/png</TYPE><BINVAL>{}</BINVAL></PHOTO></vCard>")

# Nobody looks at what becomes of these: they must not end the import.
ODD_MESSAGES = [
    "<message xmlns='jabber:client'/>",
    "<message xmlns='jabber:client' type='error' from='a@b'><error type='cancel'/></message>",
    "<message xmlns='jabber:client' type='groupchat' from='a@b'><body>x</body><subject/></message>",
    "<message xmlns='jabber:client' from='a@b' id='' type='bogus'><x xmlns='jabber:x:delay' "
    "stamp='bogus'/><body xml:lang=''>x</body><delay xmlns='urn:xmpp:delay' stamp='bogus' from='b @c'/>"
    "<x xmlns='jabber:x:data'><field type='bogus'/></x></message>",
    "<message from='a@b/ ' to='a @b'><p:x xmlns:p='urn:p'/></message>",
    "<iq xmlns='jabber:client'/>",
]
ODD_VCARD = ("<v:vCard xmlns:v='vcard-temp'><v:PHOTO><v:BINVAL/></v:PHOTO><v:ADR><v:HOME/><v:HOME/></v:ADR>"
             "<v:GEO><v:LAT>x</v:LAT></v:GEO><v:CLASS/><v:CLASS><v:ODD/></v:CLASS><v:BDAY>bogus</v:BDAY>"
             "<v:JABBERID>a b@@</v:JABBERID><v:FN xml:lang='bo_gus'>x</v:FN><v:N/>text</v:vCard>")
ODD_PRIVATE = ["<a/>", "<iq><b/></iq>", "<a xmlns='jabber:iq:roster'><item/></a>",
               "<storage xmlns='storage:bookmarks'><conference/><conference jid='a b'/></storage>",
               "<p:a xmlns:p='u'><b/></p:a>"]

# By password and mechanism; "" is an account without a credential.
HANDMADE = [
    ("romeo", "wherefore art thou", ["SCRAM-SHA-1"]),
    ("juliet", "päß wörd ☃", ["SCRAM-SHA-256"]),
    ("mercutio", ODD, ["PLAIN"]),
    ("two.kinds", "either will do", ["SCRAM-SHA-1", "SCRAM-SHA-256"]),
    ("all.kinds", "any will do", ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
    ("like.scram", "scram:not,what,it,seems", ["PLAIN"]),
    ("new.letters", "a smile: \U0001f600", ["PLAIN"]),
    ("banned", "banned", ["SCRAM-SHA-1", "PLAIN"]),
    ("no.password", "", []),
    ("only.asked", "asked", ["PLAIN"]),
    ("remarks", "remarks", ["PLAIN"]),
    ("unpadded", "unpadded", ["PLAIN"]),
    ("without.sender", "sender", ["PLAIN"]),
    ("{}=,\\", "odd name", ["PLAIN"]),
    ("éloïse.ἀχιλλεύσ", "names", ["SCRAM-SHA-1"]),
    ("\U0001f600", "new name", ["SCRAM-SHA-1"]),
    ("odd.data", "odd data", ["SCRAM-SHA-512"]),
]
PASSWORDS = {(name, HOST): password for name, password, _ in HANDMADE}
MECHANISMS = {(name, HOST): kinds for name, _, kinds in HANDMADE}


def contacts(user):
    """All subscriptions, groups of odd names, requests in both directions."""
    rows = [
        {"jid": "juliet@example.org", "nick": "Juliet", "subscription": "B",
         "groups": ["Friends", ODD, "Друзья", "a::b", " "]},
        {"jid": "from@x.org", "nick": ODD, "subscription": "F"},
        {"jid": "to@x.org", "subscription": "T", "groups": ["R&D <lab>"]},
        {"jid": "none@x.org", "subscription": "N", "groups": ["Friends"]},
        {"jid": "asked.out@x.org", "nick": "Out", "subscription": "N", "ask": "O"},
        {"jid": "asked.more@x.org", "subscription": "F", "ask": "O"},
        {"jid": "asks@x.org", "subscription": "N", "ask": "I", "ask_message": "let me in & <out>"},
        {"jid": "asks.too@x.org", "nick": "Known", "subscription": "T", "ask": "I"},
        {"jid": "asks.both@x.org", "subscription": "N", "ask": "B", "groups": ["Both"]},
        {"jid": "gateway.x.org", "subscription": "F"},
        {"jid": "!#$%*+-=?^_`{|}~,\\@x.org", "subscription": "B"},
        {"jid": "ἀχιλλεύσ@пример.org", "subscription": "B"},
    ]
    return [{"host": HOST, "username": user, **row} for row in rows]


def private(user, xmlns, data):
    return {"host": HOST, "username": user, "xmlns": xmlns, "data": data}


def message(user, packet, second, sender="juliet@example.org/balcony"):
    return {"host": HOST, "username": user, "packet": packet, "sender": sender,
            "created_at": f"2024-05-06T07:08:{second:02}Z"}


def vcard(user, text):
    return {"host": HOST, "username": user, "vcard": text}


def handmade():
    """The SQL that makes them, beside the real ones."""
    accounts = [(name, password, kind) for name, password, kinds in HANDMADE for kind in kinds]
    sender = "from='juliet@example.org/balcony' to='romeo@example.org'"
    return "".join([
        world.insert("users", *({"host": HOST, "username": name} for name, _, _ in HANDMADE)),
        world.insert("credentials", *(world.credential(name, HOST, password, kind)
                                      for name, password, kind in accounts
                                      if kind == "PLAIN")),
        world.insert("credentials", *(world.credential(name, HOST, password, kind)
                                      for name, password, kind in accounts if kind != "PLAIN")),
        *(world.insert("roster_items", row) for row in contacts("romeo")),
        world.insert("roster_items", {"host": HOST, "username": "new.letters",
                                      "jid": "\U0001f600@x.org", "subscription": "B"},
                     {"host": HOST, "username": "new.letters", "jid": "old@x.org",
                      "subscription": "B"}),
        world.insert("roster_items", {"host": HOST, "username": "only.asked", "ask": "I",
                                      "subscription": "N", "jid": "first@x.org"},
                     {"host": HOST, "username": "only.asked", "ask": "I", "subscription": "N",
                      "jid": "second@x.org"}),
        world.insert("bans", {"host": HOST, "username": "banned", "reason": "duel"}),
        world.insert("last_activity", {"host": HOST, "username": "romeo", "status": ODD,
                                       "last_at": "2024-05-06T07:08:09Z"}),
        world.insert("vcards", vcard("romeo", VCARD.format(base64.b64encode(PHOTO).decode())),
                     vcard("remarks", "<vCard xmlns='vcard-temp'><!-- kept --><FN>Remarks</FN>"
                                      "<?and this?></vCard>"),
                     vcard("unpadded", "<vCard xmlns='vcard-temp'><FN>Unpadded</FN><PHOTO><BINVAL>\n"
                           + base64.b64encode(UNPADDED).decode().rstrip("=")
                           + "\n</BINVAL></PHOTO></vCard>"),
                     vcard("odd.data", ODD_VCARD)),
        world.insert("private_storage",
                     private("romeo", "urn:notes", "<notes xmlns='urn:notes' at='1&amp;2'><note>a "
                                                   "&lt;b&gt;</note><note xml:lang='en'>c</note></notes>"),
                     private("romeo", "urn:prefixed",
                             "<p:a xmlns:p='urn:prefixed'><p:b c='d'/></p:a>"),
                     private("remarks", "urn:notes", "<notes xmlns='urn:notes'><!-- kept -->x</notes>")),
        world.insert("private_storage", *(private("odd.data", f"urn:{number}", data)
                                          for number, data in enumerate(ODD_PRIVATE))),
        world.insert("offline_messages", *(message("odd.data", packet, number) for number, packet
                                           in enumerate(ODD_MESSAGES))),
        world.insert("offline_messages",
                     message("romeo", SALUTE.format(sender, "first &lt;&amp;&gt; ☃"), 1),
                     message("romeo", SALUTE.format(sender + " xml:lang='not_a_language'",
                                                    "second"), 2),
                     message("without.sender", SALUTE.format("", "to oneself"), 3, "")),
    ])


def passwords():
    """(user as stored, host) to password, of the real accounts whose names need no preparation."""
    with open(REAL / "passwords.tsv", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {(user, host): password for user, host, password in rows if user == user.lower()}


SUBSCRIPTIONS = {"N": "none", "T": "to", "F": "from", "B": "both"}


class Stored:
    """What a database of adminex has; each table is read once."""

    def __init__(self, sql):
        self.sql = sql

    @functools.cache
    def table(self, name, columns, order="1"):
        """(user, host) to rows."""
        found = {}
        for host, user, *row in self.sql(f"SELECT host, username, {columns} FROM {name} "
                                         f"ORDER BY host, username, {order}"):
            found.setdefault((user, host), []).append(row)
        return found

    def accounts(self, host):
        return {user for user, of in self.table("users", "1") if of == host}

    def sample(self):
        """Of the real accounts, with their passwords."""
        known = passwords()
        there = sorted(known.keys() & self.table("users", "1").keys())
        return {key: known[key] for number, key in enumerate(there)
                if number % EVERY == 0 or not key[0].isascii() or self.requests(*key)}

    def contacts(self, user, host):
        return self.table("roster_items", "jid, nick, subscription, ask, array_to_json(groups), "
                                          "ask_message", "jid").get((user, host), [])

    def roster(self, user, host):
        """JID to name, subscription, request and groups, without who does nothing but ask."""
        return {jid: (nick, SUBSCRIPTIONS[subscription], "subscribe" if ask in "OB" else None,
                      sorted(filter(None, json.loads(groups))))
                for jid, nick, subscription, ask, groups, _ in self.contacts(user, host)
                if (ask, subscription, nick, groups) != ("I", "N", "", "[]")}

    def requests(self, user, host):
        """Who asks, and with what words."""
        return {jid: message for jid, _, _, ask, _, message in self.contacts(user, host)
                if ask in "IB"}

    def vcard(self, user, host):
        found = self.table("vcards", "vcard").get((user, host))
        return ET.fromstring(found[0][0]) if found else None

    def private(self, user, host):
        found = self.table("private_storage", "data").get((user, host), [])
        return {element.tag: element for element in (ET.fromstring(data) for (data,) in found)}

    def offline(self, user, host):
        """From whom and with what text, in their order."""
        found = self.table("offline_messages", "id, packet", "id").get((user, host), [])
        packets = (ET.fromstring(packet) for _, packet in found)
        return [(packet.get("from", f"{user}@{host}"), packet.findtext("{jabber:client}body"))
                for packet in packets]


# ---- what a client saw, in the same form ---------------------------------------------------------


def roster(items):
    group = "{jabber:iq:roster}group"
    return {item.get("jid"): (item.get("name", ""), item.get("subscription"), item.get("ask"),
                              sorted(found.text for found in item.iter(group))) for item in items}


def requests(presences):
    return {presence.get("from"): presence.findtext("{jabber:client}status") or ""
            for presence in presences}


def offline(messages):
    return [(message.get("from"), message.findtext("{jabber:client}body")) for message in messages]


def facts(card):
    """What a vCard says: each text with where it stands, and bytes instead of base64."""
    found = []

    def walk(element, path):
        path += (element.tag.rpartition("}")[2],)
        text = (element.text or "").strip()
        if path[-1] == "BINVAL":
            found.append((path, base64.b64decode(text + "=" * (-len(text) % 4))))
        elif text:
            found.append((path, text))
        for child in element:
            walk(child, path)

    if card is not None:
        walk(card, ())
    return sorted(found)


def meaning(element):
    """An element without what its prefixes are called."""
    return (element.tag, sorted(element.attrib.items()), element.text or "",
            [(meaning(child), child.tail or "") for child in element])
