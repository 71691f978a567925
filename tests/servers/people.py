"""Who moves to another server: the real data, and accounts that are unusual in one way each."""

import base64
import csv
import json
import xml.etree.ElementTree as ET

import harness
import world
from world import CHAT, HOST

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
                           + "\n</BINVAL></PHOTO></vCard>")),
        world.insert("private_storage",
                     private("romeo", "urn:notes", "<notes xmlns='urn:notes' at='1&amp;2'><note>a "
                                                   "&lt;b&gt;</note><note xml:lang='en'>c</note></notes>"),
                     private("romeo", "urn:prefixed",
                             "<p:a xmlns:p='urn:prefixed'><p:b c='d'/></p:a>"),
                     private("remarks", "urn:notes", "<notes xmlns='urn:notes'><!-- kept -->x</notes>")),
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


class Stored:
    """What the database of adminex has."""

    def __init__(self, sql):
        self.sql = sql

    def accounts(self, host):
        return {user for (user,) in self.sql(f"SELECT username FROM users WHERE host = '{host}'")}

    def sample(self):
        """Of the real accounts, with their passwords."""
        known = passwords()
        stored = {(user, host): (name, asked) for user, host, name, asked in self.sql("""
            SELECT username, host, username ~ '[^ -~]', EXISTS (SELECT FROM roster_items r
                     WHERE r.host = u.host AND r.username = u.username AND ask IN ('I', 'B'))
              FROM users AS u""")}
        return {key: known[key] for number, key in enumerate(sorted(known.keys() & stored.keys()))
                if number % EVERY == 0 or "t" in stored[key]}

    def _of(self, table, user, host, columns, condition="true", order="1"):
        return self.sql(f"SELECT {columns} FROM {table} WHERE host = {world.quote(host)} AND "
                        f"username = {world.quote(user)} AND ({condition}) ORDER BY {order}")

    def roster(self, user, host):
        words = {"N": "none", "T": "to", "F": "from", "B": "both"}
        rows = self._of("roster_items", user, host,
                        "jid, nick, subscription, ask, array_to_json(groups)",
                        "NOT (ask = 'I' AND subscription = 'N' AND nick = '' AND groups = '{}')")
        return {jid: (nick, words[subscription], "subscribe" if ask in "OB" else None,
                      sorted(group for group in json.loads(groups) if group))
                for jid, nick, subscription, ask, groups in rows}

    def requests(self, user, host):
        return dict(self._of("roster_items", user, host, "jid, ask_message", "ask IN ('I', 'B')"))

    def vcard(self, user, host):
        found = self._of("vcards", user, host, "vcard")
        return ET.fromstring(found[0][0]) if found else None

    def private(self, user, host):
        elements = map(ET.fromstring, (data for (data,) in
                                       self._of("private_storage", user, host, "data")))
        return {element.tag: element for element in elements}

    def offline(self, user, host):
        """From whom and with what text, in their order."""
        packets = (ET.fromstring(packet) for (packet,) in self._of(
            "offline_messages", user, host, "packet", order="id"))
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
