-- What the list of revisions says of each, so that it never reads their policies: a thousand of those may be gigabytes.
ALTER TABLE revisions
  ADD COLUMN segments int NOT NULL GENERATED ALWAYS AS
    (jsonb_array_length(jsonb_path_query_array(resources, '$[*] ? (@.kind == "Segment")'))) STORED,
  ADD COLUMN rules int NOT NULL GENERATED ALWAYS AS
    (jsonb_array_length(jsonb_path_query_array(resources, '$[*] ? (@.kind == "Policy").spec.rules[*]'))) STORED;
