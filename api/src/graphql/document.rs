//! Documents before they run: bounded before they are parsed, parsed once, bounded again.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{Directive, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

/// What a document may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Tokens of a document.
    pub tokens: usize,
    /// Bytes of a name or a number.
    pub word: usize,
    /// Values in the variables, wherever they stand.
    pub values: usize,
    /// Brackets within brackets, in literals as in selections.
    pub nesting: usize,
    /// Elements of all list and object literals.
    pub literals: usize,
    /// Fields within fields.
    pub depth: usize,
    /// Fields, each list counted by the rows that it may have.
    pub complexity: usize,
    /// Fields of the whole document once its fragments are written out.
    pub fields: usize,
    /// Aliases in the whole document.
    pub aliases: usize,
    /// Root fields of an operation.
    pub root_fields: usize,
    /// Directives on one field, fragment or operation.
    pub directives: usize,
    /// Whether the schema may be asked about itself.
    pub introspection: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1024 * 1024,
            tokens: 10_000,
            word: 256,
            values: 20_000,
            nesting: 64,
            literals: 2_000,
            depth: 15,
            complexity: 50_000,
            fields: 5_000,
            aliases: 100,
            root_fields: 30,
            directives: 10,
            introspection: true,
        }
    }
}

/// Why a document is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many tokens.
    #[error("the document has more than {0} tokens; split it")]
    Tokens(usize),
    /// A name or a number too long.
    #[error("the document has a name or a number of more than {0} bytes; shorten it, or pass it as a variable")]
    Word(usize),
    /// Brackets too deep.
    #[error("the document nests brackets more than {0} deep; pass values as variables, and ask for what lies deeper by its id")]
    Nesting(usize),
    /// Literals too large.
    #[error("the document's list and object literals have more than {0} elements; pass them as variables")]
    Literals(usize),
    /// Too many fields.
    #[error("the document has more than {0} fields once its fragments are written out; split it")]
    Fields(usize),
    /// A change made twice.
    #[error("the mutation names `{0}` more than once; give each call an alias of its own")]
    Twice(String),
    /// Selections too deep once fragments are written out.
    #[error("the document selects more than {0} levels deep once its fragments are written out; ask for what lies deeper by its id")]
    Levels(usize),
    /// Too many directives in one place.
    #[error("the document has more than {0} directives in one place; take some away")]
    Directives(usize),
    /// The schema asked about itself where it does not answer.
    #[error("introspection is switched off; the schema is published as `schema.graphql`")]
    Introspection,
    /// A fragment within itself.
    #[error("the fragment `{0}` spreads itself, directly or through others")]
    Circle(String),
    /// Too many aliases.
    #[error("the document has more than {0} aliases; split it")]
    Aliases(usize),
    /// Too many root fields.
    #[error("an operation has more than {0} root fields; split it")]
    RootFields(usize),
    /// Not GraphQL.
    #[error("{message}")]
    Syntax {
        /// What the parser says.
        message: String,
        /// Line and column of it, both from 1.
        at: Option<(usize, usize)>,
    },
}

impl Limits {
    /// Bounds the text, in one pass and without recursion, so that the parser never meets what could hurt it.
    pub fn check_text(&self, text: &str) -> Result<(), Refused> {
        let (mut tokens, mut nesting, mut lists, mut literals) = (0_usize, 0_usize, 0_usize, 0_usize);
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            at += 1;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => continue,
                b'#' => {
                    at = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |end| at + end);
                    continue;
                }
                b'"' => at = end_of_string(bytes, at),
                b'{' | b'[' | b'(' => {
                    nesting += 1;
                    if byte == b'[' {
                        lists += 1;
                    }
                }
                b'}' | b']' | b')' => {
                    nesting = nesting.saturating_sub(1);
                    if byte == b']' {
                        lists = lists.saturating_sub(1);
                    }
                }
                _ if is_word(byte) => {
                    let start = at - 1;
                    while at < bytes.len() && is_word(bytes[at]) {
                        at += 1;
                    }
                    // A name that is not known is compared with all that are.
                    if at - start > self.word {
                        return Err(Refused::Word(self.word));
                    }
                }
                _ => {}
            }
            tokens += 1;
            if lists > 0 {
                literals += 1;
            }
            if tokens > self.tokens {
                return Err(Refused::Tokens(self.tokens));
            }
            if nesting > self.nesting {
                return Err(Refused::Nesting(self.nesting));
            }
            if literals > self.literals {
                return Err(Refused::Literals(self.literals));
            }
        }
        Ok(())
    }

    fn check_parsed(&self, document: &ExecutableDocument) -> Result<(), Refused> {
        let mut aliases = 0;
        let mut written_out = WrittenOut { limits: self, fragments: &document.fragments, known: HashMap::new() };
        for (_, operation) in document.operations.iter() {
            let set = &operation.node.selection_set.node;
            self.check_directives(&operation.node.directives)?;
            // The executor writes fragments out: ten that spread the next one ten times each would keep it busy for years.
            let extent = written_out.of(set, 1)?;
            if extent.fields > self.fields {
                return Err(Refused::Fields(self.fields));
            }
            aliases += extent.aliases;
            self.check_root(document, &operation.node)?;
        }
        for name in document.fragments.keys() {
            aliases = aliases.max(written_out.of_fragment(name, 1)?.aliases);
        }
        if aliases > self.aliases { Err(Refused::Aliases(self.aliases)) } else { Ok(()) }
    }

    /// The executor runs a field as often as it is written: a change that is spread twice would be made twice.
    fn check_root(&self, document: &ExecutableDocument, operation: &OperationDefinition) -> Result<(), Refused> {
        let mut keys = Vec::new();
        root_keys(document, &operation.selection_set.node, self.root_fields, &mut keys);
        if keys.len() > self.root_fields {
            return Err(Refused::RootFields(self.root_fields));
        }
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) if operation.ty == OperationType::Mutation => Err(Refused::Twice(pair[0].chars().take(64).collect())),
            Some(_) | None => Ok(()),
        }
    }

    fn check_directives(&self, directives: &[Positioned<Directive>]) -> Result<(), Refused> {
        if directives.len() > self.directives { Err(Refused::Directives(self.directives)) } else { Ok(()) }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'+' | b'$' | b'@') || byte >= 0x80
}

/// Where a string that has just begun ends.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start..];
    if rest.starts_with(b"\"\"") {
        let mut at = start + 2;
        while at < bytes.len() {
            if bytes[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if bytes[at..].starts_with(b"\"\"\"") {
                return at + 3;
            } else {
                at += 1;
            }
        }
        // An empty string, or a block that does not end: the parser will say so.
        return if rest.len() > 2 && rest[2] == b'"' { bytes.len() } else { start + 1 };
    }
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' | b'\n' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// What selections come to with fragments written out, each fragment looked at once.
struct WrittenOut<'a> {
    limits: &'a Limits,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// None while the fragment is being looked at.
    known: HashMap<&'a Name, Option<Extent>>,
}

/// How large a selection is.
#[derive(Clone, Copy, Default)]
struct Extent {
    fields: usize,
    aliases: usize,
    levels: usize,
}

impl<'a> WrittenOut<'a> {
    /// The extent of what is selected at a level.
    fn of(&mut self, set: &'a SelectionSet, level: usize) -> Result<Extent, Refused> {
        if set.items.is_empty() {
            return Ok(Extent::default());
        }
        self.check_level(level)?;
        let mut extent = Extent::default();
        for item in &set.items {
            let below = match &item.node {
                Selection::Field(field) => {
                    if !self.limits.introspection && matches!(field.node.name.node.as_str(), "__schema" | "__type") {
                        return Err(Refused::Introspection);
                    }
                    self.limits.check_directives(&field.node.directives)?;
                    self.of(&field.node.selection_set.node, level + 1)?
                }
                Selection::InlineFragment(fragment) => {
                    self.limits.check_directives(&fragment.node.directives)?;
                    self.of(&fragment.node.selection_set.node, level + 1)?
                }
                Selection::FragmentSpread(spread) => {
                    self.limits.check_directives(&spread.node.directives)?;
                    self.of_fragment(&spread.node.fragment_name.node, level + 1)?
                }
            };
            let alias = matches!(&item.node, Selection::Field(field) if field.node.alias.is_some());
            extent.fields = extent.fields.saturating_add(1).saturating_add(below.fields);
            extent.aliases = extent.aliases.saturating_add(usize::from(alias)).saturating_add(below.aliases);
            extent.levels = extent.levels.max(below.levels);
        }
        Ok(Extent { levels: extent.levels + 1, ..extent })
    }

    fn of_fragment(&mut self, name: &Name, level: usize) -> Result<Extent, Refused> {
        // Validation tells of fragments that are not there.
        let Some((name, fragment)) = self.fragments.get_key_value(name) else { return Ok(Extent::default()) };
        match self.known.get(name) {
            Some(Some(extent)) => {
                let extent = *extent;
                self.check_level((level + extent.levels).saturating_sub(1))?;
                return Ok(extent);
            }
            Some(None) => return Err(Refused::Circle(name.chars().take(64).collect())),
            None => {}
        }
        self.known.insert(name, None);
        self.limits.check_directives(&fragment.node.directives)?;
        let extent = self.of(&fragment.node.selection_set.node, level)?;
        self.known.insert(name, Some(extent));
        Ok(extent)
    }

    fn check_level(&self, level: usize) -> Result<(), Refused> {
        if level > self.limits.nesting { Err(Refused::Levels(self.limits.nesting)) } else { Ok(()) }
    }
}

/// The fields of an operation's root, with fragments written out: what each is called in the answer. Stops beyond `most`.
fn root_keys<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet, most: usize, keys: &mut Vec<&'a str>) {
    for item in &set.items {
        if keys.len() > most {
            return;
        }
        match &item.node {
            Selection::Field(field) => keys.push(field.node.response_key().node.as_str()),
            Selection::InlineFragment(fragment) => root_keys(document, &fragment.node.selection_set.node, most, keys),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    root_keys(document, &fragment.node.selection_set.node, most, keys);
                }
            }
        }
    }
}

/// Documents that were parsed before.
#[derive(Clone)]
pub struct DocumentCache {
    limits: Limits,
    parsed: moka::sync::Cache<String, Arc<ExecutableDocument>>,
}

impl DocumentCache {
    /// An empty cache that bounds documents by `limits`.
    pub fn new(limits: Limits) -> Self {
        const BYTES: u64 = 8 * 1024 * 1024;
        let weigh = |text: &String, _: &Arc<ExecutableDocument>| u32::try_from(text.len() * 8).unwrap_or(u32::MAX);
        Self { limits, parsed: moka::sync::Cache::builder().max_capacity(BYTES).weigher(weigh).build() }
    }

    /// The parsed document, or why it is not run.
    pub fn parse(&self, text: &str) -> Result<Arc<ExecutableDocument>, Refused> {
        if let Some(document) = self.parsed.get(text) {
            return Ok(document);
        }
        self.limits.check_text(text)?;
        let document =
            parse_query(text).map_err(|error| Refused::Syntax { message: error.to_string(), at: error.positions().next().map(|p| (p.line, p.column)) })?;
        self.limits.check_parsed(&document)?;
        let document = Arc::new(document);
        self.parsed.insert(text.to_owned(), document.clone());
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_hurt_the_parser_is_refused_before_it() {
        let limits = Limits::default();
        let deep = |open: &str| format!("{{ a(x: {}", open.repeat(20_000));
        assert_eq!(limits.check_text(&deep("[")), Err(Refused::Nesting(64)));
        assert_eq!(limits.check_text(&deep("{a:")), Err(Refused::Nesting(64)));
        assert_eq!(limits.check_text(&format!("{{ {} }}", "a".repeat(1_000_000))), Err(Refused::Word(256)));
        assert_eq!(limits.check_text(&"a ".repeat(10_001)), Err(Refused::Tokens(10_000)));
        assert_eq!(limits.check_text(&format!("{{ a(x: [{}]) }}", "1,".repeat(2_001))), Err(Refused::Literals(2_000)));
        // Brackets in strings and comments are text.
        assert_eq!(limits.check_text(&format!("{{ a(x: \"{0}\", y: \"\"\"{0}\"\"\") }} # {0}", "[".repeat(100))), Ok(()));
        assert_eq!(limits.check_text("{ a(x: \"\") b(y: \"\\\"[[\") }"), Ok(()));
    }

    #[test]
    fn aliases_and_root_fields_are_counted() {
        let cache = DocumentCache::new(Limits::default());
        let aliases: String = (0..101).map(|n| format!("a{n}: id ")).collect();
        assert_eq!(cache.parse(&format!("{{ order(id: 1) {{ {aliases} }} }}")).unwrap_err(), Refused::Aliases(100));
        assert_eq!(cache.parse(&format!("{{ {} }}", "viewer ".repeat(31))).unwrap_err(), Refused::RootFields(30));
        let multiplying: String = (0..20).map(|n| format!("fragment f{n} on Query {{ {} }} ", format!("...f{} ", n + 1).repeat(10))).collect();
        assert_eq!(cache.parse(&format!("{{ ...f0 }} {multiplying} fragment f20 on Query {{ a }}")).unwrap_err(), Refused::Fields(5_000));
        let circle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
        assert_eq!(cache.parse(circle).unwrap_err(), Refused::Circle("a".to_owned()));
        let chain: String = (0..1_000).map(|n| format!("fragment f{n} on Query {{ ...f{} }} ", n + 1)).collect();
        assert_eq!(cache.parse(&format!("{{ ...f0 }} {chain} fragment f1000 on Query {{ a }}")).unwrap_err(), Refused::Levels(64));
        assert_eq!(cache.parse(&format!("{{ ...f999 }} {chain} fragment f1000 on Query {{ a }}")).unwrap_err(), Refused::Levels(64));
        let skips = "@skip(if: false) ".repeat(11);
        for document in [format!("{{ a {skips} }}"), format!("{{ ... {skips} {{ a }} }}"), format!("query {skips} {{ a }}")] {
            assert_eq!(cache.parse(&document).unwrap_err(), Refused::Directives(10), "{document}");
        }
        let closed = DocumentCache::new(Limits { introspection: false, ..Limits::default() });
        assert_eq!(closed.parse("{ ...a } fragment a on Query { b: __type(name: \"Order\") { name } }").unwrap_err(), Refused::Introspection);
        assert!(closed.parse("{ __typename }").is_ok());
        assert!(matches!(cache.parse("{ a").unwrap_err(), Refused::Syntax { at: Some(_), .. }));
        // Fragments count as often as they are spread.
        let spread = |kind: &str, of: usize, times: usize| {
            let fields: String = (0..of).map(|n| format!("a{n}: viewer ")).collect();
            format!("{kind} {{ {} }} fragment f on Query {{ {fields} }}", "...f ".repeat(times))
        };
        assert_eq!(cache.parse(&spread("query", 16, 2)).unwrap_err(), Refused::RootFields(30));
        assert_eq!(cache.parse(&spread("query", 3, 10)).map(drop), Ok(()));
        assert_eq!(cache.parse(&spread("mutation", 1, 2)).unwrap_err(), Refused::Twice("a0".to_owned()));
        let aliased = format!("{{ order(id: 1) {{ {} }} }} fragment f on Order {{ a: id b: id }}", "...f ".repeat(51));
        assert_eq!(cache.parse(&aliased).unwrap_err(), Refused::Aliases(100));
    }
}
