"""Where the demo's people live: names, cities with their postal codes, and how telephone numbers look there.

Telephone numbers come from the ranges set aside for fiction where a country has one, and are merely valid elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    name: str
    postal: str
    """`#` stands for a digit."""
    region: str
    street: str


@dataclass(frozen=True)
class Place:
    """A country as far as the demo knows it."""

    country: str
    country_name: str
    locale: str
    timezone: str
    phone: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    cities: tuple[City, ...]
    company_words: tuple[str, ...]
    company_forms: tuple[str, ...]
    share: int
    """How many of the people live here, relative to the others."""


PLACES: tuple[Place, ...] = (
    Place(
        "DE", "Deutschland", "de_DE", "Europe/Berlin", "+49 30 23125 ###",
        ("Anna", "Lukas", "Marie", "Jonas", "Sabine", "Thomas", "Katrin", "Mehmet", "Jürgen", "Heike", "Tobias",
         "Aylin"),
        ("Müller", "Schneider", "Weber", "Hoffmann", "Yılmaz", "Krüger", "Vogel", "Brandt", "Lindner", "Groß"),
        (
            City("Berlin", "10###", "Berlin", "Torstraße"), City("München", "80###", "Bayern", "Lindwurmstraße"),
            City("Hamburg", "20###", "Hamburg", "Große Bleichen"), City("Köln", "50###", "Nordrhein-Westfalen",
            "Aachener Straße"),
            City("Stuttgart", "70###", "Baden-Württemberg", "Königstraße"),
        ),
        ("Nordlicht", "Rheintal", "Falken", "Hanse", "Kessler", "Isar", "Feinwerk", "Waldstein"),
        ("GmbH", "AG", "GmbH & Co. KG", "SE"), 24,
    ),
    Place(
        "AT", "Österreich", "de_AT", "Europe/Vienna", "+43 1 5880#####",
        ("Johanna", "Maximilian", "Eva", "Florian", "Magdalena"),
        ("Gruber", "Huber", "Wagner", "Pichler", "Steiner"),
        (City("Wien", "10#0", "Wien", "Mariahilfer Straße"), City("Graz", "80#0", "Steiermark", "Annenstraße")),
        ("Donau", "Alpen", "Karawanken"), ("GmbH", "AG"), 4,
    ),
    Place(
        "GB", "United Kingdom", "en_GB", "Europe/London", "+44 20 7946 0###",
        ("Olivia", "George", "Priya", "Harry", "Amelia", "Callum", "Zainab", "Rhys", "Imogen", "Oliver"),
        ("Smith", "Patel", "Jones", "Hughes", "Okafor", "Taylor", "MacLeod", "O'Brien", "Whitfield", "Khan"),
        (
            City("London", "EC#A #BB", "England", "Old Street"), City("Manchester", "M# #AB", "England", "Deansgate"),
            City("Edinburgh", "EH# #YL", "Scotland", "George Street"), City("Bristol", "BS# #QT", "England",
            "Corn Street"),
        ),
        ("Thornbury", "Kestrel", "Albion", "Harrow", "Fenwick", "Larkfield", "Oakmere"), ("Ltd", "plc", "LLP"), 16,
    ),
    Place(
        "FR", "France", "fr_FR", "Europe/Paris", "+33 1 99 00 ## ##",
        ("Camille", "Hugo", "Léa", "Antoine", "Chloé", "Youssef", "Margaux", "Étienne"),
        ("Martin", "Bernard", "Lefèvre", "Moreau", "Benali", "Garnier", "Dubois", "Rousseau"),
        (City("Paris", "7500#", "Île-de-France", "rue Réaumur"), City("Lyon", "6900#", "Auvergne-Rhône-Alpes",
         "rue Garibaldi")),
        ("Lumière", "Garonne", "Beffroi", "Ardoise"), ("SAS", "SA", "SARL"), 10,
    ),
    Place(
        "NL", "Nederland", "nl_NL", "Europe/Amsterdam", "+31 20 530 ####",
        ("Sanne", "Daan", "Fleur", "Bram", "Noor", "Sjoerd"), ("de Vries", "Jansen", "van den Berg", "Bakker",
         "Visser"),
        (City("Amsterdam", "101# AB", "Noord-Holland", "Keizersgracht"), City("Utrecht", "351# CD", "Utrecht",
         "Maliebaan")),
        ("Waterland", "Tulp", "Zuiderzee"), ("B.V.", "N.V."), 6,
    ),
    Place(
        "US", "United States", "en_US", "America/New_York", "+1 212 555 01##",
        ("Emily", "Marcus", "Sofia", "Jamal", "Grace", "Tyler", "Mei", "Diego", "Hannah", "Andre", "Priyanka", "Cole"),
        ("Johnson", "Garcia", "Nguyen", "Williams", "Brooks", "Rossi", "Kim", "Washington", "Cohen", "Delgado"),
        (
            City("New York", "100##", "NY", "Broadway"), City("Boston", "021##", "MA", "Boylston Street"),
            City("Chicago", "606##", "IL", "West Loop Drive"), City("Austin", "787##", "TX", "Congress Avenue"),
            City("San Francisco", "941##", "CA", "Market Street"), City("Seattle", "981##", "WA", "Pine Street"),
        ),
        ("Summit", "Ironwood", "Bluestem", "Copper Ridge", "Redwood", "Lakeshore", "Granite", "Prairie"),
        ("Inc.", "LLC", "Corp."), 26,
    ),
    Place(
        "CA", "Canada", "en_CA", "America/Toronto", "+1 416 555 01##",
        ("Liam", "Chantal", "Ava", "Noah", "Ming"), ("Tremblay", "Singh", "MacDonald", "Roy", "Chen"),
        (City("Toronto", "M5V #K#", "ON", "King Street West"), City("Montréal", "H2Y #C#", "QC", "rue Saint-Paul")),
        ("Maplewood", "Laurentian", "Tidewater"), ("Inc.", "Ltd."), 5,
    ),
    Place(
        "BR", "Brasil", "pt_BR", "America/Sao_Paulo", "+55 11 3000 ####",
        ("Beatriz", "João", "Larissa", "Rafael", "Júlia", "Thiago"), ("Silva", "Oliveira", "Souza", "Pereira",
         "Almeida"),
        (City("São Paulo", "01310-###", "SP", "Avenida Paulista"), City("Curitiba", "80010-###", "PR",
         "Rua XV de Novembro")),
        ("Ipê", "Serra Azul", "Bandeira"), ("Ltda", "S.A."), 4,
    ),
    Place(
        "SG", "Singapore", "en_SG", "Asia/Singapore", "+65 6000 ####",
        ("Wei Ling", "Arjun", "Hui Min", "Farid", "Jia Hao"), ("Tan", "Lim", "Rahman", "Nair", "Ong"),
        (City("Singapore", "0189##", "Singapore", "Marina Boulevard"),),
        ("Merlion", "Straits", "Banyan"), ("Pte Ltd",), 4,
    ),
    Place(
        "AU", "Australia", "en_AU", "Australia/Sydney", "+61 2 5550 ####",
        ("Charlotte", "Jack", "Ruby", "Lachlan", "Thi"), ("Wilson", "Nguyen", "Campbell", "Harris", "Papadopoulos"),
        (City("Sydney", "200#", "NSW", "George Street"), City("Melbourne", "300#", "VIC", "Collins Street")),
        ("Southern Cross", "Wattle", "Banksia"), ("Pty Ltd",), 3,
    ),
)  # fmt: skip

TRADES = ("Logistics", "Robotics", "Foods", "Insurance", "Software", "Textiles", "Energy", "Pharma", "Media", "Tools")
TITLES = (
    "Chief Operating Officer", "CEO", "Managing Director", "VP Sales", "VP Marketing", "Head of Operations",
    "Head of IT",
    "Sales Manager", "Marketing Manager", "IT Manager", "Business Analyst", "Working student", "Intern", "Consultant",
)  # fmt: skip
