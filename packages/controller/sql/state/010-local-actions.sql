-- Actions on hosts that the audit log has: agents tell them again until they know that they were heard.
CREATE TABLE local_actions (
  workload text NOT NULL,
  id       text NOT NULL,
  PRIMARY KEY (workload, id)
);
