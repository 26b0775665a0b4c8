#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the events of a NATS stream to PostgreSQL, each exactly once.

usage: nats_to_postgres.py [--drain] URL STREAM DURABLE DSN

DSN is libpq's ("host=/run/postgresql dbname=tapline"). The table `events` is made
when it is missing. What was inserted is committed before it is acknowledged, so a
consumer that is killed is given the same batches again; the event_id is the primary
key, so they change nothing. Several may run under one DURABLE. --drain ends when
nothing is left.

Needs python3-msgpack and python3-psycopg2.
"""
import json
import math
import sys
import time

import psycopg2
import psycopg2.extras

import nats
import nats_print

TABLE = """
CREATE TABLE IF NOT EXISTS events (
    event_id  uuid PRIMARY KEY,
    type      text NOT NULL,
    timestamp timestamptz NOT NULL,
    entities  jsonb NOT NULL,
    edges     text[] NOT NULL,
    stream    text NOT NULL,
    number    numeric(20) NOT NULL,
    source    text NOT NULL,
    host      text NOT NULL,
    iface     text NOT NULL
)"""
COLUMNS = ("event_id", "type", "timestamp", "entities", "edges", "stream", "number", "source",
           "host", "iface")
INSERT = f"INSERT INTO events ({', '.join(COLUMNS)}) VALUES %s ON CONFLICT DO NOTHING"


def storable(value):
    """PostgreSQL has no text with a NUL in it, and JSON no numbers that are none."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [storable(member) for member in value]
    if isinstance(value, dict):
        return {storable(key): storable(member) for key, member in value.items()}
    return value


def row(event):
    event = storable(event)
    event["entities"] = json.dumps(event["entities"])
    return tuple(event[column] for column in COLUMNS)


class Table:
    """The database, connected again when it went away."""

    def __init__(self, dsn):
        self.dsn, self.connection = dsn, None

    def insert(self, rows):
        """One transaction, committed when this returns; a row it cannot have is left out."""
        try:
            self.insert_all(rows)
        except psycopg2.DataError as error:
            if len(rows) > 1:
                for one in rows:
                    self.insert([one])
            else:
                print(f"event {rows[0][0]} left out: {str(error).strip()}", file=sys.stderr)

    def insert_all(self, rows):
        if self.connection is None:
            self.connection = psycopg2.connect(self.dsn)
            with self.connection, self.connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(1952542066)")  # two would both make it
                cursor.execute(TABLE)
        with self.connection, self.connection.cursor() as cursor:
            psycopg2.extras.execute_values(cursor, INSERT, rows, page_size=1000)

    def insert_surely(self, rows):
        """Waits for a database that is down; the batches stay unacknowledged meanwhile."""
        while True:
            try:
                return self.insert(rows)
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                print(f"{type(error).__name__}: {str(error).strip()}; again in a second",
                      file=sys.stderr)
                self.connection = None
                time.sleep(1)


def main(arguments):
    drain = arguments[:1] == ["--drain"]
    arguments = arguments[drain:]
    if len(arguments) != 4:
        sys.exit(__doc__)
    *place, dsn = arguments
    table = Table(dsn)
    nats.consume(*place, lambda messages: table.insert_surely(
        [row(event) for event in nats_print.events(messages)]), drain)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        pass
