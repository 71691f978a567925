DROP INDEX adminex.roster_items_no_contact;
DROP FUNCTION adminex.old_accounts_still_are(text[], text[], integer);
