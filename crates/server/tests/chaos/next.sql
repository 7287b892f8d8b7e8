-- What a next version might do, for tests: a column that is required, another one by a new name, which both versions
-- keep the same, and one in what nodes say of each other.
ALTER TABLE users ADD COLUMN region text NOT NULL DEFAULT 'here';
ALTER TABLE users ADD COLUMN display_name text;
UPDATE users SET display_name = name;

CREATE FUNCTION keep_both_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.name := coalesce(NEW.name, NEW.display_name);
        NEW.display_name := NEW.name;
    ELSIF NEW.name IS DISTINCT FROM OLD.name THEN
        NEW.display_name := NEW.name;
    ELSE
        NEW.name := NEW.display_name;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER both_names BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION keep_both_names();

ALTER TABLE nodes ADD COLUMN region text NOT NULL DEFAULT 'here';
