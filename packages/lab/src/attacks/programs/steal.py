"""Another script for the same interpreter, with the API's own password: reads the customers."""

import psycopg2

with open("/srv/crm/db-password", encoding="utf-8") as file:
    password = file.read().strip()
connection = psycopg2.connect(host="db4", dbname="crm", user="crm", password=password, connect_timeout=6)
with connection.cursor() as cursor:
    cursor.execute("select count(*) from customers")
    print(f"reached: {cursor.fetchone()[0]} customers stolen")
