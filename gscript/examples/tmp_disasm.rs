use std::sync::Arc;
fn main(){ let f=std::env::args().nth(1).unwrap(); let text=std::fs::read_to_string(&f).unwrap();
 let s=Arc::new(gscript::bytecode::Source{name:f,text});
 match gscript::compiler::compile(s.clone()) { Ok(p)=>{ if std::env::args().nth(2).is_none(){print!("{}",gscript::disasm::program_to_string(&p));} println!("globals {:?} protos {} main {} mainregs {}",p.globals.len(),p.protos.len(),p.protos[0].code.len(),p.protos[0].nregs)}, Err(d)=>{println!("{}\n{}",d, d.render(&s))}}}
