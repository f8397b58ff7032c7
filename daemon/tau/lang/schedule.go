package lang

// needed lists the nodes that some output depends on, operands before what uses them.
func (b *builder) needed() []int {
	need := make([]bool, len(b.nodes))
	for _, id := range b.output {
		need[id] = true
	}
	for id := len(b.nodes) - 1; id >= 0; id-- { // a node is made after its operands
		if need[id] {
			for _, operand := range b.nodes[id].operands() {
				need[operand] = true
			}
		}
	}
	var list []int
	for id, n := range need {
		if n {
			list = append(list, id)
		}
	}
	return list
}

// operands lists the nodes that a node is computed from.
func (n node) operands() []int {
	switch {
	case n.kind != computed:
		return nil
	case n.op == opSelect:
		return []int{n.a, n.b, n.c}
	}
	return []int{n.a, n.b}
}

// schedule orders computed nodes so that operands come first and equal operations stand in long runs: it always goes
// on with the operation that most nodes are ready for.
func (b *builder) schedule(nodes []int) []int {
	waits := map[int]int{} // operands that are not computed yet
	users := map[int][]int{}
	var ready [opCount][]int
	for _, id := range nodes {
		for _, operand := range b.nodes[id].operands() {
			if b.nodes[operand].kind == computed {
				waits[id]++
				users[operand] = append(users[operand], id)
			}
		}
		if waits[id] == 0 {
			ready[b.nodes[id].op] = append(ready[b.nodes[id].op], id)
		}
	}
	order := make([]int, 0, len(nodes))
	for len(order) < len(nodes) {
		op := 0
		for i := range ready {
			if len(ready[i]) > len(ready[op]) {
				op = i
			}
		}
		for len(ready[op]) > 0 { // users of what is computed here may join this run
			id := ready[op][0]
			ready[op] = ready[op][1:]
			order = append(order, id)
			for _, user := range users[id] {
				if waits[user]--; waits[user] == 0 {
					ready[b.nodes[user].op] = append(ready[b.nodes[user].op], user)
				}
			}
		}
	}
	return order
}
