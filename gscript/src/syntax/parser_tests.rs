//! Tests of the parser: trees as nested lists.

use super::ast::*;
use super::parse;

/// The text of an expression's tree.
fn show(ast: &Ast, e: ExprId) -> String {
    let list = |id: ListId| ast.list(id).iter().map(|&e| format!(" {}", show(ast, e))).collect::<String>();
    match ast.expr(e) {
        Expr::Nil => "nil".into(),
        Expr::Bool(value) => value.to_string(),
        Expr::Int(value) => value.to_string(),
        Expr::Float(value) => format!("{value:?}"),
        Expr::Str(sym) => format!("{:?}", ast.strings.text(sym)),
        Expr::Vararg => "...".into(),
        Expr::Name(name) => ast.strings.text(ast.name(name).sym).into_owned(),
        Expr::Paren(inner) => format!("(paren {})", show(ast, inner)),
        Expr::Unary(op, inner) => format!("({op:?} {})", show(ast, inner)),
        Expr::Binary(op, left, right) => {
            format!("({op:?} {} {})", show(ast, left), show(ast, right))
        }
        Expr::Concat(operands) => format!("(Concat{})", list(operands)),
        Expr::Field(object, name) => format!("{}.{}", show(ast, object), ast.strings.text(name)),
        Expr::Index(object, key) => format!("{}[{}]", show(ast, object), show(ast, key)),
        Expr::Call(callee, args) => format!("(call {}{})", show(ast, callee), list(args)),
        Expr::Method(object, name, args) => {
            format!("(method {} {}{})", show(ast, object), ast.strings.text(name), list(args))
        }
        Expr::Func(func) => format!("(func {})", func.0),
        Expr::Table(fields) => {
            let field = |&field: &Field| match field {
                Field::Item(value) => format!(" {}", show(ast, value)),
                Field::Named(name, value) => {
                    format!(" {}: {}", ast.strings.text(name), show(ast, value))
                }
                Field::Keyed(key, value) => format!(" [{}]: {}", show(ast, key), show(ast, value)),
            };
            format!("(table{})", ast.table(fields).iter().map(field).collect::<String>())
        }
        Expr::Chan => "(chan)".into(),
        Expr::ChanOf(capacity) => format!("(chan {})", show(ast, capacity)),
    }
}

#[track_caller]
fn tree(text: &str) -> Ast {
    match parse(text) {
        Ok(ast) => ast,
        Err(problem) => panic!("{} at {}", problem.message, problem.at),
    }
}

/// `text` as the right side of an assignment.
#[track_caller]
fn expr(text: &str, expected: &str) {
    let ast = tree(&format!("x = {text}"));
    let Some(&Stmt::Assign(_, values)) = ast.stmts.last() else { panic!("not an assignment") };
    assert_eq!(show(&ast, ast.list(values)[0]), expected);
}

/// The kinds of the statements of the main chunk.
fn kinds(text: &str) -> Vec<String> {
    let ast = tree(text);
    let main = ast.block_stmts[ast.func(FuncId(0)).body.stmts.range()].iter();
    let kind = |stmt: &StmtId| format!("{:?}", ast.stmt(*stmt)).chars().take_while(|c| c.is_alphabetic()).collect();
    main.map(kind).collect()
}

#[test]
fn precedence() {
    expr("1 + 2 * 3 - 4", "(Sub (Add 1 (Mul 2 3)) 4)");
    expr("a || b && c || d", "(Or (Or a (And b c)) d)");
    expr("1 < 2 == true", "(Eq (Lt 1 2) true)");
    expr("a == b .. c", "(Eq a (Concat b c))");
    expr("1 + 2 .. 3 + 4 .. 5 < x", "(Lt (Concat (Add 1 2) (Add 3 4) 5) x)");
    expr("-2 ** 2", "(Pow (Neg 2) 2)");
    expr("2 ** -1", "(Pow 2 (Neg 1))");
    expr("2 ** 3 ** 2", "(Pow 2 (Pow 3 2))");
    expr("2 * 3 ** 2", "(Mul 2 (Pow 3 2))");
    expr("!a == b", "(Eq (Not a) b)");
    expr("#t.x - 1", "(Sub (Len t.x) 1)");
    expr("-<-ch + 1", "(Add (Neg (Recv ch)) 1)");
    expr("(1 + 2) * 3", "(Mul (paren (Add 1 2)) 3)");
    expr("a .. (b .. c)", "(Concat a (paren (Concat b c)))");
}

#[test]
fn postfix() {
    expr("a.b[c](d, e):f(g).in", "(method (call a.b[c] d e) f g).in");
    expr("f(y)(1)", "(call (call f y) 1)");
    expr("func() {}()", "(call (func 1))");
    expr("\"s\":upper()", "(method \"s\" upper)");
    expr("(f)(x)", "(call (paren f) x)");
    expr("f(a,)", "(call f a)");
    expr("make(chan)", "(chan)");
    expr("make(chan, n + 1)", "(chan (Add n 1))");
    expr("make(1)", "(call make 1)");
    expr("t.range.go", "t.range.go");
}

#[test]
fn tables() {
    expr("{}", "(table)");
    expr("{1, 2; 3 4}", "(table 1 2 3 4)");
    expr("{a: 1, b, [c]: 2, \"d e\": 3, f(),}", "(table a: 1 b [c]: 2 d e: 3 (call f))");
    expr("{in: 1 range: 2}", "(table in: 1 range: 2)");
    expr("{{1} {2}}", "(table (table 1) (table 2))");
    expr("{nil, true}", "(table nil true)");
}

#[test]
fn statements() {
    assert_eq!(kinds("x := 3 print(x) y = 1; ;; a, b = b, a"), ["Define", "Expr", "Assign", "Assign"]);
    assert_eq!(kinds("var x var y, z = 1, 2"), ["Define", "Define"]);
    assert_eq!(kinds("a.b += 1 c[1]++ d--"), ["OpAssign", "OpAssign", "OpAssign"]);
    assert_eq!(kinds("ch <- 1\n<-ch\ngo f(x) obj:m()"), ["Send", "Expr", "Go", "Expr"]);
    assert_eq!(
        kinds("f()\n<-ch\n<-ch o:m()\n<-ch f() <- 1 ch\n<- 2"),
        ["Expr", "Expr", "Expr", "Expr", "Expr", "Send", "Send"]
    );
    assert_eq!(kinds("return\n5"), ["Return"]);
    assert_eq!(kinds("return; f()"), ["Return", "Expr"]);
    assert_eq!(kinds("return <-ch"), ["Return"]);
    assert_eq!(kinds("func f() {} func() {}()"), ["Func", "Expr"]);
    assert_eq!(kinds("b := a\n(print)(\"x\")"), ["Define"]);
    assert_eq!(
        kinds("for {} for x {} for i := 0; i < 3; i++ {} for k := range t {}"),
        ["While", "While", "For", "Range"]
    );
    assert_eq!(kinds("for f(); a == {}; <-ch {} for !{} {}"), ["For", "While"]);
}

#[test]
fn else_if_in_both_spellings() {
    let ast = tree("if a {} else if b {} elseif c {} else {}");
    let Some(&Stmt::If(arms, Some(_))) = ast.stmts.last() else { panic!("not an if") };
    assert_eq!(arms.len, 3);
}

#[test]
fn functions_are_numbered_from_the_outside() {
    let ast = tree("func a(x, y) { func b(...) { return func(r...) {} } } func c() {}");
    let names: Vec<_> = ast.funcs.iter().map(|f| f.name.map(|n| ast.strings.text(n).into_owned())).collect();
    assert_eq!(names, [None, Some("a".into()), Some("b".into()), None, Some("c".into())]);
    let shape: Vec<_> = ast.funcs.iter().map(|f| (f.params.len, f.is_vararg, f.rest.is_some())).collect();
    assert_eq!(shape[1..], [(2, false, false), (0, true, false), (0, true, true), (0, false, false)]);
}
