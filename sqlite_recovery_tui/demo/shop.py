"""The web shop of the sample incident: its tables, its everyday writes, and the migration that went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import apsw

CUSTOMERS = 1_400
ORDERS = 5_200
EVENTS = 9_000
MIGRATION = "0042_prune_stale_orders"

_SCHEMA = """
CREATE TABLE migrations (
  name       TEXT PRIMARY KEY,
  applied_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE customers (
  id         INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  email      TEXT NOT NULL UNIQUE,
  city       TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE TABLE orders (
  id          INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers(id),
  status      TEXT NOT NULL CHECK (status IN ('open', 'paid', 'shipped', 'abandoned')),
  total_cents INTEGER NOT NULL,
  placed_at   TEXT NOT NULL
);
CREATE INDEX orders_by_customer ON orders(customer_id);
CREATE INDEX orders_by_status ON orders(status, placed_at);
CREATE TABLE invoices (
  id           INTEGER PRIMARY KEY,
  order_id     INTEGER NOT NULL REFERENCES orders(id),
  number       TEXT NOT NULL UNIQUE,
  amount_cents INTEGER NOT NULL,
  issued_at    TEXT NOT NULL,
  paid_at      TEXT
);
CREATE INDEX invoices_by_order ON invoices(order_id);
CREATE TABLE events (
  id       INTEGER PRIMARY KEY,
  at       TEXT NOT NULL,
  kind     TEXT NOT NULL,
  order_id INTEGER,
  detail   TEXT
);
CREATE VIEW open_orders AS
  SELECT orders.id, customers.name, orders.total_cents, orders.placed_at
  FROM orders JOIN customers ON customers.id = orders.customer_id
  WHERE orders.status = 'open';
"""
_MIGRATIONS = ("0001_first_tables", "0017_invoices", "0031_order_status", "0041_event_details")
_FIRST = (
    "Ada Bela Chidi Dora Emre Farah Goran Hana Ines Jonas Keiko Liam Mei Noor Olga Pavel Rosa Sami Tove Yusuf"
)
_LAST = "Abe Berg Costa Demir Eriksen Fuchs Garcia Haas Ito Jansen Kovac Lopez Meyer Novak Okafor Rossi Silva"
_CITIES = "Bergen Bologna Cork Gdansk Ghent Graz Izmir Leeds Lyon Malmo Nagoya Porto Riga Split Turku Utrecht"
_STATUSES = ("shipped",) * 17 + ("paid",) * 3 + ("abandoned",) * 2 + ("open",) * 2


@dataclass(frozen=True)
class Counts:
    """How many rows the tables of the story have."""

    orders: int
    invoices: int


class Shop:
    """Writes to the shop's database as its application would; the same seed writes the same rows."""

    def __init__(self, connection: apsw.Connection, random: Random) -> None:
        """Use `connection`, which nobody else writes through."""
        self._connection = connection
        self._random = random
        connection.execute("PRAGMA foreign_keys=ON")

    def open_business(self, now: datetime) -> None:
        """Create the tables and the business of the year before `now`."""
        with self._connection:
            self._connection.execute(_SCHEMA)
            for age, name in enumerate(reversed(_MIGRATIONS)):
                self._insert("migrations", name, _text(now - timedelta(days=20 + 80 * age)))
            for day in _ages(365, CUSTOMERS):
                self._new_customer(now - day)
            for day in _ages(300, ORDERS):
                self._new_order(now - day, self._random.choice(_STATUSES))
            for day in _ages(30, EVENTS):
                self._event(now - day, "view", self._random.randint(1, ORDERS))

    def trade(self, now: datetime) -> None:
        """Commit one moment of business: an order, a payment, a parcel, a visitor."""
        with self._connection:
            kind = self._random.random()
            if kind < 0.45:
                order = self._new_order(now, "open")
                self._event(now, "order placed", order)
            elif kind < 0.7:
                self._advance("open", "paid", now)
            elif kind < 0.9:
                self._advance("paid", "shipped", now)
            else:
                self._new_customer(now)
            for _ in range(self._random.randint(0, 4)):
                self._event(now, "view", self._random.randint(1, ORDERS))

    def import_stock_prices(self, now: datetime) -> None:
        """Commit the larger batch that the shop runs now and then."""
        with self._connection:
            for _ in range(self._random.randint(150, 500)):
                self._event(now, "price checked", None)

    def prune_stale_orders(self, now: datetime) -> None:
        """Commit the bad migration: meant for abandoned orders, it takes all but the open ones."""
        with self._connection:
            stale = "SELECT id FROM orders WHERE status <> 'open'"
            self._connection.execute(f"DELETE FROM invoices WHERE order_id IN ({stale})")
            self._connection.execute("DELETE FROM orders WHERE status <> 'open'")
            self._insert("migrations", MIGRATION, _text(now))

    def counts(self) -> Counts:
        """Count what the migration destroys."""
        query = "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM invoices)"
        (row,) = self._connection.execute(query)
        return Counts(int(row[0]), int(row[1]))

    def _new_customer(self, now: datetime) -> None:
        first, last = self._random.choice(_FIRST.split()), self._random.choice(_LAST.split())
        (count,) = next(self._connection.execute("SELECT count(*) + 1 FROM customers"))
        email = f"{first}.{last}.{count}@example.net".lower()
        self._insert(
            "customers", None, f"{first} {last}", email, self._random.choice(_CITIES.split()), _text(now)
        )

    def _new_order(self, now: datetime, status: str) -> int:
        cents = self._random.randrange(900, 24_000, 50)
        self._insert("orders", None, self._random.randint(1, CUSTOMERS), status, cents, _text(now))
        order = self._connection.last_insert_rowid()
        if status in ("paid", "shipped"):
            self._invoice(order, cents, now, paid=True)
        return order

    def _advance(self, status: str, following: str, now: datetime) -> None:
        query = "SELECT id, total_cents FROM orders WHERE status = ? ORDER BY placed_at, id LIMIT 1"
        found = self._connection.execute(query, (status,)).fetchone()
        if found is None:
            return
        order, cents = int(found[0]), int(found[1])
        self._connection.execute("UPDATE orders SET status = ? WHERE id = ?", (following, order))
        if following == "paid":
            self._invoice(order, cents, now, paid=self._random.random() < 0.8)
        self._event(now, f"order {following}", order)

    def _invoice(self, order: int, cents: int, now: datetime, *, paid: bool) -> None:
        number = f"{now.year}-{order:06d}"
        self._insert("invoices", None, order, number, cents, _text(now), _text(now) if paid else None)

    def _event(self, now: datetime, kind: str, order: int | None) -> None:
        detail = f"session {self._random.getrandbits(48):012x}, {self._random.randint(8, 900)} ms"
        self._insert("events", None, _text(now), kind, order, detail)

    def _insert(self, table: str, *values: str | int | None) -> None:
        marks = ", ".join("?" * len(values))
        self._connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)


def _ages(days: int, count: int) -> list[timedelta]:
    """Return `count` ages from `days` down to nearly nothing, evenly spread."""
    return [timedelta(days=days) * (count - number) / count for number in range(count)]


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
