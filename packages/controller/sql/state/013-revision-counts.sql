-- What the list of revisions says of each, so that it never reads their policies: a thousand of those may be gigabytes, which is also
-- why those that are there are counted a few at a time (countRevisions).
ALTER TABLE revisions ADD COLUMN segments int, ADD COLUMN rules int;
