DROP FUNCTION adminex.grant_roles();
ALTER FUNCTION adminex.grant_roles_0007() RENAME TO grant_roles;
DO $$
BEGIN
    IF to_regrole('adminex_admin') IS NOT NULL THEN
        REVOKE UPDATE (arguments) ON adminex.audit_log FROM adminex_admin;
    END IF;
END
$$;

DROP FUNCTION adminex.personal_erase(text[], text[], text[], boolean);
DROP FUNCTION adminex.personal_plan(text, text);
DROP FUNCTION adminex.personal_check(adminex.personal_live);
DROP FUNCTION adminex.personal_masks(text);
DROP FUNCTION adminex.personal_farewells(text[], text[]);
DROP FUNCTION adminex.presence_stanza(text, text, text);
DROP FUNCTION adminex.personal_query(text, text);
DROP FUNCTION adminex.personal_contents(text, text);
DROP FUNCTION adminex.personal_fields(text, text);
DROP VIEW adminex.personal_live;
DROP VIEW adminex.csv_vcard, adminex.csv_roster, adminex.csv_private, adminex.csv_offline,
    adminex.csv_logs;
DROP INDEX adminex.offline_messages_sender;
DROP INDEX adminex.audit_log_subjects;
DROP FUNCTION adminex.audit_without(jsonb, text, text);
DROP FUNCTION adminex.audit_subjects(jsonb);

-- Contacts that were not told yet are not told by anybody without this migration.
DELETE FROM adminex.outbox WHERE kind = 'unsubscribe';
ALTER TABLE adminex.outbox
    DROP CONSTRAINT outbox_kind_known,
    ADD CONSTRAINT outbox_kind_known
        CHECK (kind IN ('kick', 'presence', 'message', 'stanza', 'roster', 'account_removed'));
COMMENT ON COLUMN adminex.outbox.payload IS
    'kick: resource (absent: all), reason; presence and stanza: resource, stanza (XML); '
    'message: stanza; roster: jids that changed (absent: read it anew); '
    'account_removed: contacts that had a subscription';

DROP TABLE adminex.tombstones;
DROP TABLE adminex.pending_erasures;
DROP TABLE adminex.legal_holds;
DROP TABLE adminex.personal_registry, adminex.personal_data, adminex.personal_sections;
DROP FUNCTION adminex.personal_registry_changed();
