//! Values against a schema, keyword by keyword, in the order that decides which problem comes first.

use regex::bytes::Regex;
use serde_json::{Map, Value as Json};

use super::documents::{Draft, Node};
use super::number::Decimal;
use super::prepare::{Pattern, Validator};
use super::problem::{Problem, Reason, all_quoted, grouped, quoted};
use super::value::{Here, Keywords, Unseen, duplicates, everything, missing, unseen, whole_value};

/// Schemas inside each other, references included, while one value is looked at.
const MAX_DEPTH: usize = 512;

/// Checks of one value by one schema, in total.
const MAX_CHECKS: u64 = 500_000;

/// The keywords about numbers.
const BOUNDS: &[&str] =
    &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

type Checked = Result<Unseen, Problem>;

impl Validator<'_> {
    /// Checks a value.
    pub(super) fn validate(&self, value: &Json) -> Result<(), Problem> {
        let mut look =
            Look { validator: self, path: Vec::new(), scopes: Vec::new(), left: MAX_CHECKS };
        look.check(self.root, value, false).map(|_| ())
    }
}

/// A schema that is being applied, and how deep the value lies.
struct Scope<'s> {
    node: Node<'s>,
    depth: usize,
}

/// The walk through a value.
struct Look<'v, 's> {
    validator: &'v Validator<'s>,
    path: Vec<String>,
    scopes: Vec<Scope<'s>>,
    left: u64,
}

impl<'s> Look<'_, 's> {
    fn problem(&self, reason: Reason) -> Problem {
        Problem { path: self.path.clone(), reason, causes: Vec::new() }
    }

    fn text(&self, text: impl Into<String>) -> Problem {
        self.problem(Reason::Text(text.into()))
    }

    /// Checks the present value by a schema inside the one that is looked at now.
    fn inner(&mut self, from: Node<'s>, json: &'s Json, value: &Json, needs: bool) -> Checked {
        let node = self.validator.documents.child(from, json);
        self.check(node, value, needs)
    }

    /// Checks a part of the present value.
    fn part(&mut self, from: Node<'s>, json: &'s Json, value: &Json, step: String) -> Checked {
        self.path.push(step);
        let result = self.inner(from, json, value, false);
        self.path.pop();
        result
    }

    /// Checks a value by a schema. `needs` tells that the caller wants to know what was not seen.
    fn check(&mut self, node: Node<'s>, value: &Json, needs: bool) -> Checked {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return Err(self.text(format!("more than {MAX_CHECKS} checks"))),
        }
        let map = match node.json {
            Json::Bool(false) => return Err(self.text("false schema")),
            Json::Object(map) if !map.is_empty() => map,
            _ => return Ok(everything(value, needs)),
        };
        let depth = self.path.len();
        let around = self.scopes.iter().rev().take_while(|scope| scope.depth == depth);
        if around.into_iter().any(|scope| scope.node.place() == node.place()) {
            return Err(self.text("references go round in a cycle"));
        }
        if self.scopes.len() >= MAX_DEPTH {
            return Err(self.text(format!("schemas nest more than {MAX_DEPTH} deep")));
        }
        self.scopes.push(Scope { node, depth });
        let result = self.apply(node, map, value, needs);
        self.scopes.pop();
        result
    }

    fn apply(
        &mut self,
        node: Node<'s>,
        map: &'s Map<String, Json>,
        value: &Json,
        needs: bool,
    ) -> Checked {
        let draft = self.validator.documents.draft(node);
        let (keywords, unseen_yet) = (Keywords::of(map), Unseen::default());
        let mut here =
            Here { node, map, keywords, draft, value, unseen: unseen_yet, problems: Vec::new() };
        here.unseen = unseen(&here, needs);
        if draft < Draft::D2019 && map.contains_key("$ref") {
            self.reference(&mut here, "$ref");
            return self.done(here);
        }
        if let Some(text) = whole_value(&here, self.validator.formats) {
            return Err(self.text(text));
        }
        self.reference(&mut here, "$ref");
        match value {
            Json::Object(object) => self.object(&mut here, object),
            Json::Array(items) => self.array(&mut here, items),
            Json::String(text) => self.string(&mut here, text),
            Json::Number(number) if here.may_have(BOUNDS) => {
                self.number(&mut here, Decimal::of(number));
            }
            Json::Number(_) => {}
            Json::Null | Json::Bool(_) => {}
        }
        if draft >= Draft::D2019 {
            self.dynamic_references(&mut here);
        }
        self.combined(&mut here);
        if draft >= Draft::D2019 {
            self.unevaluated(&mut here);
        }
        self.done(here)
    }

    fn done(&self, mut here: Here<'_, 's>) -> Checked {
        match here.problems.len() {
            0 => Ok(here.unseen),
            1 => Err(here.problems.swap_remove(0)),
            _ => Err(Problem { causes: here.problems, ..self.problem(Reason::Group) }),
        }
    }

    /// Checks the whole present value by another schema and takes over what that saw.
    fn also(&mut self, here: &mut Here<'_, 's>, json: &'s Json) -> Option<Problem> {
        let needs = !here.unseen.is_empty();
        match self.inner(here.node, json, here.value, needs) {
            Ok(unseen) => {
                here.unseen.intersect(&unseen);
                None
            }
            Err(problem) => Some(problem),
        }
    }

    fn reference(&mut self, here: &mut Here<'_, 's>, keyword: &'static str) {
        if here.get(keyword).is_none() {
            return;
        }
        let target = self.validator.references.get(&(here.node.place(), keyword)).copied();
        if let Some(target) = target {
            self.follow(here, target);
        }
    }

    fn follow(&mut self, here: &mut Here<'_, 's>, target: Node<'s>) {
        let needs = !here.unseen.is_empty();
        match self.check(target, here.value, needs) {
            Ok(unseen) => here.unseen.intersect(&unseen),
            Err(problem) => {
                let causes = match problem.reason {
                    Reason::Group => problem.causes,
                    _ => vec![problem],
                };
                here.problems.push(Problem { causes, ..self.problem(Reason::Reference) });
            }
        }
    }

    fn dynamic_references(&mut self, here: &mut Here<'_, 's>) {
        let resources = &self.validator.documents.resources;
        let place = here.node.place();
        if here.get("$recursiveRef").is_some()
            && let Some(target) = self.validator.references.get(&(place, "$recursiveRef")).copied()
        {
            let recursive = |node: &Node<'s>| {
                resources.get(node.resource).filter(|resource| resource.recursive)
            };
            let mut chosen = target;
            if target.json.get("$recursiveAnchor").and_then(Json::as_bool) == Some(true)
                && let Some((node, resource)) =
                    self.scopes.iter().find_map(|s| Some((s.node, recursive(&s.node)?)))
            {
                chosen = Node { json: resource.root, resource: node.resource };
            }
            self.follow(here, chosen);
        }
        if here.draft < Draft::D2020 || here.get("$dynamicRef").is_none() {
            return;
        }
        if let Some(target) = self.validator.references.get(&(place, "$dynamicRef")).copied() {
            let reference = here.get("$dynamicRef").and_then(Json::as_str).unwrap_or_default();
            let anchor = reference.split_once('#').map_or("", |(_, anchor)| anchor);
            let own = target.json.get("$dynamicAnchor").and_then(Json::as_str);
            let outer = own.filter(|own| *own == anchor).and_then(|anchor| {
                let mut scopes = self.scopes.iter();
                scopes.find_map(|scope| resources.get(scope.node.resource)?.dynamic(anchor))
            });
            self.follow(here, outer.unwrap_or(target));
        }
    }

    fn object(&mut self, here: &mut Here<'_, 's>, object: &Map<String, Json>) {
        self.count(here, "minProperties", object.len());
        self.count(here, "maxProperties", object.len());
        let missing = missing(object, here.list("required"));
        if !missing.is_empty() {
            let plural = if missing.len() > 1 { "properties" } else { "property" };
            here.problems.push(self.text(format!("missing {plural} {}", all_quoted(missing))));
        }
        for (name, wanted) in here.named("dependencies").filter(|(n, _)| object.contains_key(*n)) {
            match wanted {
                Json::Array(names) => self.dependent(here, object, name, names),
                schema => {
                    let problem = self.also(here, schema);
                    here.problems.extend(problem);
                }
            }
        }
        self.properties(here, object);
        if here.draft >= Draft::D6
            && let Some(schema) = here.schema("propertyNames")
        {
            for name in object.keys() {
                self.property_name(here, schema, name);
            }
        }
        if here.draft < Draft::D2019 {
            return;
        }
        for (_, schema) in here.named("dependentSchemas").filter(|(n, _)| object.contains_key(*n)) {
            let problem = self.also(here, schema);
            here.problems.extend(problem);
        }
        for (name, names) in here.named("dependentRequired") {
            if let (true, Json::Array(names)) = (object.contains_key(name), names) {
                self.dependent(here, object, name, names);
            }
        }
    }

    fn dependent(
        &mut self,
        here: &mut Here<'_, 's>,
        object: &Map<String, Json>,
        name: &str,
        names: &'s [Json],
    ) {
        let missing = missing(object, names);
        if !missing.is_empty() {
            let (missing, name) = (all_quoted(missing), quoted(name));
            here.problems
                .push(self.text(format!("properties {missing} required, if {name} exists")));
        }
    }

    fn properties(&mut self, here: &mut Here<'_, 's>, object: &Map<String, Json>) {
        let properties = here.get("properties").and_then(Json::as_object);
        let patterns: Vec<(&Regex, &'s Json)> = here
            .named("patternProperties")
            .filter_map(|(name, schema)| {
                Some((self.validator.patterns.get(name.as_str())?.regex()?, schema))
            })
            .collect();
        let additional = here.get("additionalProperties");
        let mut refused = Vec::new();
        for (name, value) in object {
            let named = properties.and_then(|properties| properties.get(name));
            let fitting = patterns.iter().filter(|(regex, _)| regex.is_match(name.as_bytes()));
            let mut schemas: Vec<&'s Json> =
                named.into_iter().chain(fitting.map(|(_, schema)| *schema)).collect();
            if schemas.is_empty() {
                match additional {
                    Some(Json::Bool(false)) => refused.push(name.as_str()),
                    Some(schema) => schemas.push(schema),
                    None => continue,
                }
            }
            for schema in schemas {
                let result = self.part(here.node, schema, value, name.clone());
                here.problems.extend(result.err());
            }
            if let Some(names) = &mut here.unseen.names {
                names.remove(name);
            }
        }
        if !refused.is_empty() {
            let names = all_quoted(refused);
            here.problems.push(self.text(format!("additional properties {names} not allowed")));
        }
    }

    fn property_name(&mut self, here: &mut Here<'_, 's>, schema: &'s Json, name: &str) {
        let outer = std::mem::take(&mut self.path);
        let result = self.inner(here.node, schema, &Json::String(name.to_owned()), false);
        self.path = outer;
        if let Err(problem) = result {
            let causes = match problem.reason {
                Reason::Group => problem.causes,
                _ => vec![problem],
            };
            let text = format!("invalid propertyName {}", quoted(name));
            here.problems.push(Problem { causes, ..self.text(text) });
        }
    }

    fn array(&mut self, here: &mut Here<'_, 's>, items: &[Json]) {
        self.count(here, "minItems", items.len());
        self.count(here, "maxItems", items.len());
        if here.flag("uniqueItems")
            && let Some((first, second)) = duplicates(items)
        {
            let (first, second) = (grouped(first), grouped(second));
            here.problems.push(self.text(format!("items at {first} and {second} are equal")));
        }
        let modern = here.draft >= Draft::D2020;
        let ahead = here.list(if modern { "prefixItems" } else { "items" });
        for (index, (schema, item)) in ahead.iter().zip(items).enumerate() {
            let result = self.part(here.node, schema, item, index.to_string());
            here.problems.extend(result.err());
        }
        let tuple = modern || here.get("items").is_some_and(Json::is_array);
        let rest = match (modern, tuple) {
            (false, true) => here.get("additionalItems"),
            _ => here.schema("items"),
        };
        match rest {
            Some(Json::Bool(false)) if !modern && tuple && items.len() > ahead.len() => {
                let count = grouped(items.len() - ahead.len());
                let text = format!("last {count} additionalItem(s) not allowed");
                here.problems.push(self.text(text));
            }
            Some(schema) => {
                for (index, item) in items.iter().enumerate().skip(ahead.len()) {
                    let result = self.part(here.node, schema, item, index.to_string());
                    here.problems.extend(result.err());
                }
            }
            None => {}
        }
        if here.draft >= Draft::D6 {
            self.contains(here, items);
        }
    }

    fn contains(&mut self, here: &mut Here<'_, 's>, items: &[Json]) {
        let Some(schema) = here.schema("contains") else { return };
        let (mut problems, mut matched) = (Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            if let Err(problem) = self.part(here.node, schema, item, index.to_string()) {
                problems.push(problem);
                continue;
            }
            matched.push(index.to_string());
            if let (true, Some(unseen)) = (here.draft >= Draft::D2020, &mut here.unseen.items) {
                unseen.remove(&index);
            }
        }
        let modern = here.draft >= Draft::D2019;
        let bound = |keyword: &str| here.size(keyword).filter(|_| modern);
        let (least, most) = (bound("minContains"), bound("maxContains"));
        let found = format!("matched {} items at {}", grouped(matched.len()), matched.join(" "));
        let text = match least {
            Some(least) if matched.len() < least => {
                let found = if matched.is_empty() { "none matched" } else { &found };
                let least = grouped(least);
                Some(format!("min {least} items required to match contains schema, but {found}"))
            }
            None if matched.is_empty() => Some("no items match contains schema".to_owned()),
            _ => None,
        };
        if let Some(text) = text {
            here.problems.push(Problem { causes: problems, ..self.text(text) });
        }
        if let Some(most) = most.filter(|most| matched.len() > *most) {
            let most = grouped(most);
            let text = format!("max {most} items required to match contains schema, but {found}");
            here.problems.push(self.text(text));
        }
    }

    /// A keyword that bounds a count.
    fn count(&self, here: &mut Here<'_, 's>, keyword: &str, got: usize) {
        let Some(want) = here.size(keyword) else { return };
        let fits = if keyword.starts_with("min") { got >= want } else { got <= want };
        if !fits {
            let (got, want) = (grouped(got), grouped(want));
            here.problems.push(self.text(format!("{keyword}: got {got}, want {want}")));
        }
    }

    fn string(&self, here: &mut Here<'_, 's>, text: &str) {
        if here.may_have(&["minLength", "maxLength"]) {
            let length = text.chars().count();
            self.count(here, "minLength", length);
            self.count(here, "maxLength", length);
        }
        let Some(pattern) = here.get("pattern").and_then(Json::as_str) else { return };
        if self
            .validator
            .patterns
            .get(pattern)
            .and_then(Pattern::regex)
            .is_some_and(|regex| !regex.is_match(text.as_bytes()))
        {
            let (text, pattern) = (quoted(text), quoted(pattern));
            here.problems.push(self.text(format!("{text} does not match pattern {pattern}")));
        }
    }

    fn number(&self, here: &mut Here<'_, 's>, got: Decimal) {
        let mut bounds = Vec::new();
        for (keyword, exclusive) in
            [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")]
        {
            if here.flag(exclusive) {
                bounds.push((exclusive, here.number(keyword)));
            } else {
                bounds.push((keyword, here.number(keyword)));
                bounds.push((exclusive, here.number(exclusive)));
            }
        }
        // Inclusive bounds come first.
        bounds.sort_by_key(|(keyword, _)| keyword.starts_with("exclusive"));
        for (keyword, want) in bounds {
            let Some(want) = want else { continue };
            let order = got.compare(want);
            let fits = match keyword {
                "minimum" => order.is_ge(),
                "maximum" => order.is_le(),
                "exclusiveMinimum" => order.is_gt(),
                _ => order.is_lt(),
            };
            if !fits {
                here.problems.push(self.text(format!("{keyword}: got {got}, want {want}")));
            }
        }
        if let Some(unit) = here.number("multipleOf").filter(|unit| !got.is_multiple_of(*unit)) {
            here.problems.push(self.text(format!("multipleOf: got {got}, want {unit}")));
        }
    }

    fn combined(&mut self, here: &mut Here<'_, 's>) {
        if let Some(schema) = here.schema("not")
            && self.also(here, schema).is_none()
        {
            here.problems.push(self.text("'not' failed"));
        }
        let mut problems = Vec::new();
        for schema in here.list("allOf") {
            problems.extend(self.also(here, schema));
        }
        if !problems.is_empty() {
            here.problems.push(Problem { causes: problems, ..self.text("'allOf' failed") });
        }
        self.any_of(here);
        self.one_of(here);
        if here.draft < Draft::D7 {
            return;
        }
        if let Some(schema) = here.schema("if") {
            let branch = if self.also(here, schema).is_none() { "then" } else { "else" };
            if let Some(schema) = here.schema(branch) {
                let problem = self.also(here, schema);
                here.problems.extend(problem);
            }
        }
    }

    fn any_of(&mut self, here: &mut Here<'_, 's>) {
        let (mut problems, mut matched) = (Vec::new(), false);
        for schema in here.list("anyOf") {
            if let Some(problem) = self.also(here, schema) {
                problems.push(problem);
                continue;
            }
            matched = true;
            // While something is unseen, the others may have seen it.
            if here.unseen.is_empty() {
                break;
            }
        }
        if !matched && !problems.is_empty() {
            here.problems.push(Problem { causes: problems, ..self.text("'anyOf' failed") });
        }
    }

    fn one_of(&mut self, here: &mut Here<'_, 's>) {
        let schemas = here.list("oneOf");
        let (mut problems, mut matched) = (Vec::new(), None);
        for (index, schema) in schemas.iter().enumerate() {
            match (self.also(here, schema), matched) {
                (Some(problem), None) => problems.push(problem),
                (Some(_), Some(_)) => {}
                (None, None) => matched = Some(index),
                (None, Some(first)) => {
                    let (first, second) = (grouped(first), grouped(index));
                    let text = format!("'oneOf' failed, subschemas {first}, {second} matched");
                    here.problems.push(self.text(text));
                    break;
                }
            }
        }
        if !schemas.is_empty() && matched.is_none() {
            let text = self.text("'oneOf' failed, none matched");
            here.problems.push(Problem { causes: problems, ..text });
        }
    }

    fn unevaluated(&mut self, here: &mut Here<'_, 's>) {
        if let (Json::Object(object), Some(schema)) =
            (here.value, here.schema("unevaluatedProperties"))
        {
            for name in here.unseen.names.take().unwrap_or_default() {
                let Some(value) = object.get(&name) else { continue };
                let result = self.part(here.node, schema, value, name);
                here.problems.extend(result.err());
            }
        }
        if let (Json::Array(items), Some(schema)) = (here.value, here.schema("unevaluatedItems")) {
            for index in here.unseen.items.take().unwrap_or_default() {
                let Some(item) = items.get(index) else { continue };
                let result = self.part(here.node, schema, item, index.to_string());
                here.problems.extend(result.err());
            }
        }
    }
}
