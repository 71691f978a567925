-- Takes the triggers with it.
DROP FUNCTION IF EXISTS adminex.cache_changed() CASCADE;
