"""The CRM's API: a few endpoints over PostgreSQL, metrics to a collector by UDP.

    api.py            serves on port 8000, IPv4 and IPv6
    api.py --check    looks whether the database answers, as an operator would
"""

import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

PORT = 8000
COLLECTORS = [("backup4", socket.AF_INET), ("backup6", socket.AF_INET6)]
COLLECTOR_PORT = 8125
CONNECT_SECONDS_MAX = 10
TICK_SECONDS = 0.25


def connect(host):
    with open("/srv/crm/db-password", encoding="utf-8") as file:
        password = file.read().strip()
    return psycopg2.connect(
        host=host, dbname="crm", user="crm", password=password, connect_timeout=CONNECT_SECONDS_MAX
    )


class Pool:
    """One connection that stays open, shared under a lock: the long-lived kind."""

    def __init__(self):
        self.lock = threading.Lock()
        self.connection = connect("db4")
        self.connection.autocommit = True

    def rows(self, sql):
        with self.lock, self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()


class Metrics:
    """One datagram for each request, to IPv4 and IPv6 in turn."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = 0
        self.sockets = [
            (socket.socket(family, socket.SOCK_DGRAM), socket.getaddrinfo(name, COLLECTOR_PORT, family)[0][4])
            for name, family in COLLECTORS
        ]

    def count(self, what):
        with self.lock:
            sender, address = self.sockets[self.sent % len(self.sockets)]
            sender.sendto(f"crm.{what}:1|c".encode(), address)
            self.sent += 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pool = None
    metrics = None

    def do_GET(self):
        if self.path == "/api/stats":
            return self.reply({"metricsSent": self.metrics.sent})
        if self.path == "/api/stream":
            return self.stream()
        if self.path == "/api/customers":
            self.metrics.count("customers")
            return self.reply([row[0] for row in self.pool.rows("select name from customers order by id")])
        if self.path == "/api/report":
            self.metrics.count("report")
            return self.reply({"orders": self.once("db4", "select count(*) from orders")})
        return self.reply({"error": "no such endpoint"}, 404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.metrics.count("orders")
        sql = "insert into orders (reference) values (%s) returning reference"
        return self.reply({"reference": self.once("db6", sql, (body["reference"],))}, 201)

    def once(self, host, sql, values=()):
        """A connection of its own for one statement: the short-lived kind."""
        connection = connect(host)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchone()[0]
        finally:
            connection.close()

    def stream(self):
        """Numbers for as long as the client listens."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Connection", "close")
        self.end_headers()
        tick = 0
        try:
            while True:
                self.wfile.write(f"{tick}\n".encode())
                self.wfile.flush()
                tick += 1
                time.sleep(TICK_SECONDS)
        except OSError:
            self.close_connection = True

    def reply(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 128
    daemon_threads = True

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def check():
    connection = connect("db4")
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from customers")
        print(f"reached: the database answers, {cursor.fetchone()[0]} customers", flush=True)


def main():
    if sys.argv[1:] == ["--check"]:
        return check()
    Handler.pool = Pool()
    Handler.metrics = Metrics()
    server = Server(("::", PORT), Handler)
    print("ready", flush=True)
    return server.serve_forever()


main()
