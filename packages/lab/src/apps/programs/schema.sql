create table customers (id integer primary key, name text not null);
insert into customers select n, 'customer ' || n from generate_series(1, 50) as n;
create table orders (id serial primary key, reference text not null unique);
create role crm login password :'crm';
create role dump login password :'dump';
grant select on customers to crm;
grant select, insert on orders to crm;
grant usage on sequence orders_id_seq to crm;
grant pg_read_all_data to dump;
