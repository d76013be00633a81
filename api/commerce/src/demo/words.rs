//! The names of which the demo's people, places and goods are made.

/// A store of the demo.
pub(super) struct StorePlan {
    pub name: &'static str,
    pub domain: &'static str,
    pub description: &'static str,
    pub currency: &'static str,
    pub time_zone: &'static str,
    pub orders: u64,
    pub number_prefix: &'static str,
    pub products: &'static [ProductPlan],
}

/// A product of the demo: title, type, vendor, price in minor units, what its variants are.
pub(super) struct ProductPlan(pub &'static str, pub &'static str, pub &'static str, pub i64, pub &'static [&'static str]);

/// A tenant of the demo.
pub(super) struct TenantPlan {
    pub company: &'static str,
    pub email: &'static str,
    pub phone: &'static str,
    pub address: &'static str,
    pub stores: &'static [StorePlan],
}

const GRAMS: &[&str] = &["50 g", "100 g", "200 g"];
const SIZES: &[&str] = &["S", "M", "L"];
const COLOURS: &[&str] = &["藍", "生成り", "墨"];
const ONE: &[&str] = &["Default Title"];

const TEA: &[ProductPlan] = &[
    ProductPlan("宇治玉露「暁」", "茶葉", "山城製茶", 3240, GRAMS),
    ProductPlan("特上煎茶「若葉」", "茶葉", "山城製茶", 1620, GRAMS),
    ProductPlan("深蒸し煎茶", "茶葉", "掛川茶園", 1080, GRAMS),
    ProductPlan("ほうじ茶（棒焙じ）", "茶葉", "加賀製茶", 864, GRAMS),
    ProductPlan("玄米茶", "茶葉", "山城製茶", 756, GRAMS),
    ProductPlan("抹茶「雲龍」", "抹茶", "宇治丸久", 2700, &["30 g", "100 g"]),
    ProductPlan("和紅茶べにふうき", "茶葉", "嬉野茶園", 1296, GRAMS),
    ProductPlan("水出し緑茶ティーバッグ", "ティーバッグ", "掛川茶園", 972, ONE),
    ProductPlan("常滑焼 急須", "茶器", "常滑陶房", 6480, COLOURS),
    ProductPlan("萩焼 湯呑み", "茶器", "萩窯", 2808, ONE),
    ProductPlan("茶筒（桜皮細工）", "茶器", "角館工芸", 5940, ONE),
    ProductPlan("季節の詰め合わせ", "贈り物", "暖簾茶舗", 4860, &["春", "夏", "秋", "冬"]),
];

const CLOTH: &[ProductPlan] = &[
    ProductPlan("麻の暖簾", "布もの", "奈良晒工房", 12_960, COLOURS),
    ProductPlan("手ぬぐい「波」", "布もの", "注染いろは", 1320, COLOURS),
    ProductPlan("蚊帳ふきん 三枚組", "布もの", "奈良晒工房", 1540, ONE),
    ProductPlan("リネンのエプロン", "衣類", "木と布", 7480, SIZES),
    ProductPlan("作務衣", "衣類", "久留米織物", 14_300, SIZES),
    ProductPlan("曲げわっぱ弁当箱", "木工", "大館曲物", 8800, &["小", "大"]),
    ProductPlan("檜のまな板", "木工", "木曽木工", 4620, &["小", "大"]),
    ProductPlan("漆の汁椀", "木工", "山中漆器", 5280, &["朱", "黒"]),
    ProductPlan("竹のかご", "竹細工", "別府竹工", 6160, ONE),
    ProductPlan("南部箒", "日用品", "九戸ほうき", 9900, ONE),
];

const APPS: &[ProductPlan] = &[
    ProductPlan("スマートプラグ ミナト", "機器", "ミナト", 2980, &["1個", "2個組"]),
    ProductPlan("温湿度センサー", "機器", "ミナト", 3480, ONE),
    ProductPlan("ドア開閉センサー", "機器", "ミナト", 2480, &["白", "黒"]),
    ProductPlan("見守りカメラ", "機器", "ミナト", 8980, ONE),
    ProductPlan("ハブ", "機器", "ミナト", 5980, ONE),
    ProductPlan("延長保証 2年", "サービス", "ミナト", 1200, ONE),
    ProductPlan("USB-C ケーブル", "付属品", "ミナト", 980, &["1 m", "2 m"]),
    ProductPlan("取付キット", "付属品", "ミナト", 780, ONE),
];

const PAPER: &[ProductPlan] = &[
    ProductPlan("Washi Notebook", "Stationery", "Minato Paper", 1800, &["A6", "A5"]),
    ProductPlan("Washi Tape Set", "Stationery", "Minato Paper", 1250, ONE),
    ProductPlan("Brush Pen", "Pens", "Kumano", 950, &["Fine", "Medium"]),
    ProductPlan("Fountain Pen Ink", "Pens", "Kyoto Ink", 2600, &["Indigo", "Persimmon", "Moss"]),
    ProductPlan("Letter Set", "Stationery", "Minato Paper", 1400, ONE),
    ProductPlan("Origami Paper, 200 Sheets", "Craft", "Minato Paper", 1100, ONE),
    ProductPlan("Wall Calendar", "Stationery", "Minato Paper", 3200, ONE),
    ProductPlan("Desk Lantern", "Home", "Gifu Lanterns", 6800, &["Round", "Square"]),
];

/// Who is in the demo.
pub(super) const TENANTS: &[TenantPlan] = &[
    TenantPlan {
        company: "株式会社あおい企画",
        email: "tantou@aoi-kikaku.example",
        phone: "075-555-0101",
        address: "〒604-8005 京都府京都市中京区三条通河原町東入ル",
        stores: &[
            StorePlan {
                name: "暖簾茶舗",
                domain: "noren-chaho.myshopify.com",
                description: "宇治のお茶と茶器",
                currency: "JPY",
                time_zone: "Asia/Tokyo",
                orders: 4_900,
                number_prefix: "#",
                products: TEA,
            },
            StorePlan {
                name: "木と布",
                domain: "ki-to-nuno.myshopify.com",
                description: "手仕事の日用品",
                currency: "JPY",
                time_zone: "Asia/Tokyo",
                orders: 2_900,
                number_prefix: "KN-",
                products: CLOTH,
            },
        ],
    },
    TenantPlan {
        company: "ミナトアプリ株式会社",
        email: "ops@minato-app.example",
        phone: "045-555-0155",
        address: "〒231-0002 神奈川県横浜市中区海岸通1-1",
        stores: &[
            StorePlan {
                name: "ミナトストア",
                domain: "minato-store.myshopify.com",
                description: "暮らしのセンサーと機器",
                currency: "JPY",
                time_zone: "Asia/Tokyo",
                orders: 2_600,
                number_prefix: "M",
                products: APPS,
            },
            StorePlan {
                name: "Minato Paper",
                domain: "minato-paper.myshopify.com",
                description: "Japanese paper for the world",
                currency: "USD",
                time_zone: "America/New_York",
                orders: 1_600,
                number_prefix: "#",
                products: PAPER,
            },
        ],
    },
];

/// Family names with their Latin spelling.
pub(super) const FAMILY: &[(&str, &str)] = &[
    ("佐藤", "sato"),
    ("鈴木", "suzuki"),
    ("高橋", "takahashi"),
    ("田中", "tanaka"),
    ("伊藤", "ito"),
    ("渡辺", "watanabe"),
    ("山本", "yamamoto"),
    ("中村", "nakamura"),
    ("小林", "kobayashi"),
    ("加藤", "kato"),
    ("吉田", "yoshida"),
    ("山田", "yamada"),
    ("佐々木", "sasaki"),
    ("松本", "matsumoto"),
    ("井上", "inoue"),
    ("木村", "kimura"),
    ("林", "hayashi"),
    ("斎藤", "saito"),
    ("清水", "shimizu"),
    ("山崎", "yamazaki"),
    ("森", "mori"),
    ("池田", "ikeda"),
    ("橋本", "hashimoto"),
    ("石川", "ishikawa"),
];

/// Given names with their Latin spelling.
pub(super) const GIVEN: &[(&str, &str)] = &[
    ("翔太", "shota"),
    ("陽菜", "hina"),
    ("蓮", "ren"),
    ("葵", "aoi"),
    ("大輔", "daisuke"),
    ("美咲", "misaki"),
    ("健太", "kenta"),
    ("結衣", "yui"),
    ("直樹", "naoki"),
    ("さくら", "sakura"),
    ("拓也", "takuya"),
    ("恵", "megumi"),
    ("悠真", "yuma"),
    ("真由美", "mayumi"),
    ("隆", "takashi"),
    ("香織", "kaori"),
    ("浩", "hiroshi"),
    ("由紀子", "yukiko"),
    ("誠", "makoto"),
    ("智子", "tomoko"),
];

/// Buyers abroad.
pub(super) const ABROAD: &[(&str, &str)] = &[
    ("Emma", "Wilson"),
    ("Noah", "Garcia"),
    ("Olivia", "Brown"),
    ("Liam", "Nguyen"),
    ("Sophie", "Martin"),
    ("Lucas", "Meyer"),
    ("Chloe", "Tremblay"),
    ("Mateo", "Silva"),
    ("Hannah", "Kim"),
    ("Oscar", "Lindgren"),
];

/// Cities with their ISO 3166-2 province and country.
pub(super) const CITIES: &[(&str, &str, &str)] = &[
    ("京都市", "JP-26", "JP"),
    ("大阪市", "JP-27", "JP"),
    ("世田谷区", "JP-13", "JP"),
    ("横浜市", "JP-14", "JP"),
    ("名古屋市", "JP-23", "JP"),
    ("札幌市", "JP-01", "JP"),
    ("福岡市", "JP-40", "JP"),
    ("仙台市", "JP-04", "JP"),
    ("広島市", "JP-34", "JP"),
    ("金沢市", "JP-17", "JP"),
    ("那覇市", "JP-47", "JP"),
];

/// Cities of buyers abroad.
pub(super) const CITIES_ABROAD: &[(&str, &str, &str)] = &[
    ("New York", "NY", "US"),
    ("Portland", "OR", "US"),
    ("Toronto", "ON", "CA"),
    ("London", "ENG", "GB"),
    ("Paris", "IDF", "FR"),
    ("Berlin", "BE", "DE"),
    ("Sydney", "NSW", "AU"),
];
