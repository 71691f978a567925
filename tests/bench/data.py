"""Data for the benchmarks, made by the server itself. Foreign keys are not checked and the indexes
are made afterwards: it is the same in the end, and there much sooner."""

import xml.sax.saxutils

HOST = "example.org"

ACCOUNTS = """
    INSERT INTO hosts (host) VALUES ('example.org') ON CONFLICT DO NOTHING;
    INSERT INTO users (host, username, created_at)
    SELECT 'example.org', :'prefix' || n, now() - interval '900 days'
      FROM generate_series(1, :accounts) AS n;
"""

# Who is whose contact is scattered, but the same at each run.
CONTACTS = """
    SET session_replication_role = replica;
    SET maintenance_work_mem = '1GB';
    DROP INDEX roster_items_jid;
    ALTER TABLE roster_items DROP CONSTRAINT roster_items_pkey;
    INSERT INTO roster_items (host, username, jid, nick, subscription, groups)
    SELECT 'example.org', :'prefix' || n,
           :'prefix' || (n::bigint * 7919 + k * 104729) % :accounts + 1 || '@example.org',
           'nick ' || k, 'B', '{Friends}'
      FROM generate_series(1, :accounts) AS n, generate_series(1, :contacts) AS k;
    ALTER TABLE roster_items ADD PRIMARY KEY (host, username, jid);
    CREATE INDEX roster_items_jid ON roster_items (jid, host, username);
"""

SEEN = """
    SET session_replication_role = replica;
    INSERT INTO last_activity (host, username, last_at)
    SELECT 'example.org', 'user' || n,
           now() - CASE WHEN n % :old_every = 0 THEN interval '500 days' ELSE interval '1 day' END
      FROM generate_series(1, :accounts) AS n;
    INSERT INTO credentials (host, username, mechanism, iterations, salt, stored_key, server_key)
    SELECT 'example.org', 'user' || n, 'SCRAM-SHA-256', 4096, 'salt of 16 bytes',
           sha256(n::text::bytea), sha256(n::text::bytea)
      FROM generate_series(1, :accounts) AS n;
"""


def settle(server, database):
    """What autovacuum and the checkpointer would do at some time is done now."""
    server.sql(database, "VACUUM (ANALYZE) hosts, users, credentials, last_activity, roster_items, "
               "outbox, audit_log;\nCHECKPOINT;")


def accounts(server, database, count, prefix="user"):
    server.sql(database, ACCOUNTS, accounts=count, prefix=prefix)


def contacts(server, database, count, each, prefix="user"):
    server.sql(database, CONTACTS, accounts=count, contacts=each, prefix=prefix)


def crowd(server, database, count, each, old_every):
    """`count` accounts with `each` contacts each; every old_every-th was not seen for long."""
    accounts(server, database, count)
    contacts(server, database, count, each)
    server.sql(database, SEEN, accounts=count, old_every=old_every)
    settle(server, database)


def write_export(path, count, contacts):
    """An XEP-0227 file of that many accounts, their passwords plain."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("<?xml version='1.0' encoding='UTF-8'?>\n"
                   f"<server-data xmlns='urn:xmpp:pie:0'><host jid='{HOST}'>\n")
        for n in range(1, count + 1):
            nick = xml.sax.saxutils.escape(f"Friend & {n}")
            items = "".join(
                f"<item subscription='both' name='{nick}' "
                f"jid='user{(n * 7919 + k * 104729) % count + 1}@{HOST}'>"
                f"<group>Friends</group></item>" for k in range(contacts))
            file.write(f"<user name='user{n}' password='secret {n}'>"
                       f"<query xmlns='jabber:iq:roster'>{items}</query></user>\n")
        file.write("</host></server-data>\n")
