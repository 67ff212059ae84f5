-- A certificate that a database put back from a backup does not know is good where it was issued after its workload enrolled. So
-- what is revoked has to be known until it runs out, also of a workload that is forgotten and comes back.
ALTER TABLE certificates DROP CONSTRAINT certificates_workload_fkey;
