//! Where the machines stand, what cash they handle, and what people are called.

/// A currency as the machines handle it.
#[derive(Debug)]
pub(super) struct Cash {
    /// Its code.
    pub code: &'static str,
    /// What one unit costs at first, in ten-thousandths of a sat: 129.5145 sats are 1,295,145.
    pub quote: u64,
    /// The bills that a cash-in takes.
    pub takes: [u32; 4],
    /// The bills of the bays, largest first.
    pub bays: &'static [u32],
    /// Bills of a full bay, for one customer a day.
    pub fill: u32,
    /// Every cash-out is a multiple of this: the smallest bill in a bay.
    pub step: u64,
    /// The largest cash-out.
    pub most: u64,
    /// Deposits are a few times this.
    pub deposit: u64,
}

/// The currencies. A bitcoin is about 100,000 USD, 86,000 EUR or 772,000 GTQ here.
pub(super) const CASH: [Cash; 3] = [
    Cash {
        code: "GTQ",
        quote: 1_295_145,
        takes: [20, 50, 100, 200],
        bays: &[100, 50],
        fill: 60,
        step: 50,
        most: 2_000,
        deposit: 1_000,
    },
    Cash {
        code: "EUR",
        quote: 11_627_907,
        takes: [10, 20, 50, 100],
        bays: &[50, 20, 10],
        fill: 40,
        step: 10,
        most: 400,
        deposit: 250,
    },
    Cash {
        code: "USD",
        quote: 10_000_000,
        takes: [5, 10, 20, 100],
        bays: &[100, 20],
        fill: 30,
        step: 20,
        most: 500,
        deposit: 200,
    },
];

/// A place where a machine can stand.
#[derive(Debug)]
pub(super) struct Place {
    /// Country and town, as machine ids begin.
    pub slug: &'static str,
    /// Which of [`CASH`] is used there.
    pub cash: usize,
    /// Where exactly.
    pub location: &'static str,
    /// Latitude and longitude.
    pub geo: &'static str,
    /// Public key of the first machine there. Its secret key is the SHA-256 of
    /// `spireledger simulated machine <machine id>`, so that tests can sign as the machine.
    pub public_key: &'static str,
}

const fn place(
    slug: &'static str,
    cash: usize,
    location: &'static str,
    geo: &'static str,
    public_key: &'static str,
) -> Place {
    Place { slug, cash, location, geo, public_key }
}

const GTQ: usize = 0;
const EUR: usize = 1;
const USD: usize = 2;

/// The places, in the order in which machines are put up.
pub(super) const PLACES: [Place; 12] = [
    place(
        "gt-antigua",
        GTQ,
        "Parque Central, Antigua Guatemala",
        "14.5573,-90.7332",
        "7740b9439d0dd989a24b125231d7a37500d062bb6196b21e53cc83f7b84c3ba7",
    ),
    place(
        "at-vienna",
        EUR,
        "Mariahilfer Straße, Wien",
        "48.2014,16.3617",
        "0175aa05a9d06f3d3cc5da78b0fe5159e53e31b1996fddf44fbd0ac65a7b4c41",
    ),
    place(
        "gt-panajachel",
        GTQ,
        "Calle Santander, Panajachel",
        "14.7406,-91.1590",
        "c7dfbc7bc28c6eba7814204509b72b0428f7e0c12fd82af0dd7da583f02590a1",
    ),
    place(
        "sv-el-zonte",
        USD,
        "Playa El Zonte, Chiltiupán",
        "13.4953,-89.4403",
        "633730172ae145cd413aaa9e87c49aa3a632c2b50a71ee646db061c02926a6b1",
    ),
    place(
        "gt-xela",
        GTQ,
        "Parque Centro América, Quetzaltenango",
        "14.8347,-91.5180",
        "0e84b60be01c1c429ab328c17f32ccddea64116a487b06c4a29f25111eb5c3c2",
    ),
    place(
        "de-berlin",
        EUR,
        "Kottbusser Damm, Berlin",
        "52.4938,13.4152",
        "3d8e9e2ac1a277554063c6d8d92b07d6128f7fc27cb20eac83390092f3f6b644",
    ),
    place(
        "us-austin",
        USD,
        "Congress Avenue, Austin",
        "30.2684,-97.7426",
        "f76f6c351d8180dfcdcf23ce3e99179c81528ee314ab76770990c25a69c1e907",
    ),
    place(
        "pt-lisbon",
        EUR,
        "Praça do Comércio, Lisboa",
        "38.7085,-9.1500",
        "b9a7c63c43877e35d178c4a5a946805a1d51fde6cc1c3be1cba8d7b2eb8ac953",
    ),
    place(
        "gt-coban",
        GTQ,
        "Parque La Paz, Cobán",
        "15.4700,-90.3711",
        "2cc16c2b58b2f0bc5a6c4e20d49f8036eaae397682c15c711632db492432fdda",
    ),
    place(
        "it-rovereto",
        EUR,
        "Corso Rosmini, Rovereto",
        "45.8903,11.0333",
        "02a03fc7ef7522808a1a034e7fb4a679902fb73703a244b8fff12995a02fc50c",
    ),
    place(
        "sv-berlin",
        USD,
        "Parque San José, Berlín, Usulután",
        "13.4966,-88.5309",
        "23adad47b5942c44d6e45d47ba763355cbf0685c7278f9236e8bd9525e0bd8bf",
    ),
    place(
        "us-miami",
        USD,
        "NW 2nd Avenue, Miami",
        "25.8008,-80.1991",
        "7291f8457e94914922a3442bed9d21989e8cbe9fb4a1576d383e87d691cf381c",
    ),
];

const OPERATORS: [&str; 6] = ["volcan", "danube", "pacific", "sierra", "harbour", "meridian"];

const LPS: [&str; 20] = [
    "ana", "bruno", "clara", "diego", "elena", "felix", "greta", "hugo", "ines", "jakob", "karla",
    "leon", "marta", "nico", "olga", "pablo", "rosa", "stefan", "teresa", "viktor",
];

/// An operator's id: `op-volcan`, and `op-volcan-2` once all names are used.
pub(super) fn operator(number: usize) -> String {
    format!("op-{}", numbered(&OPERATORS, number))
}

/// An LP's name: `ana`, `ana-2`, ….
pub(super) fn lp(number: usize) -> String {
    numbered(&LPS, number)
}

fn numbered(names: &[&str], number: usize) -> String {
    let name = names.get(number % names.len()).copied().unwrap_or_default();
    match number / names.len() {
        0 => name.to_owned(),
        round => format!("{name}-{}", round + 1),
    }
}
