package lang

import "strings"

// time checks everything about rows: which look-backs matter, how many initial rows there are, what they hold, and
// that the equations of one tick can be computed one after the other.
func (c *checker) time() {
	c.ordering()
	uses := make([]*usage, len(c.outputs))
	for i := range c.outputs {
		uses[i] = findUsage(c.def[i])
	}
	c.lookbacks(uses)
	if len(c.errs) == 0 {
		c.initialValues(uses)
	}
}

// ordering finds an order of evaluation, or reports the cycle that prevents one.
func (c *checker) ordering() {
	const unseen, open, done = 0, 1, 2
	state := make([]int, len(c.outputs))
	var path []int
	var visit func(o int) bool
	visit = func(o int) bool {
		state[o] = open
		path = append(path, o)
		for _, e := range references(c.def[o]) {
			switch {
			case e.ref.dir == In || e.ref.back > 0 || state[e.ref.stream] == done:
			case state[e.ref.stream] == open:
				c.errorf(e.pos, "expected outputs of one tick that can be computed one after the other, found a cycle: %s", c.cycle(path, e.ref.stream))
				return false
			default:
				if !visit(e.ref.stream) {
					return false
				}
			}
		}
		state[o] = done
		path = path[:len(path)-1]
		c.order = append(c.order, o)
		return true
	}
	for o := range c.outputs {
		if state[o] == unseen && !visit(o) {
			return
		}
	}
}

func (c *checker) cycle(path []int, to int) string {
	for path[0] != to {
		path = path[1:]
	}
	var names []string
	for _, o := range path {
		names = append(names, c.outputs[o].Name)
	}
	return strings.Join(append(names, c.outputs[to].Name), " -> ")
}

// lookbacks computes k and each output's depth from the references that matter, and refuses references that do not
// where a reader who counts them would come to another k than the binary.
func (c *checker) lookbacks(uses []*usage) {
	c.depth = make([]int, len(c.outputs))
	for _, u := range uses {
		for _, e := range u.live {
			if e.ref.dir == Out && e.ref.back > 0 {
				c.depth[e.ref.stream] = max(c.depth[e.ref.stream], e.ref.back)
				c.lookback = max(c.lookback, e.ref.back)
			}
		}
	}
	c.dead = make([]map[ref]bool, len(c.outputs))
	for i, u := range uses {
		c.dead[i] = map[ref]bool{}
		for _, e := range u.dead {
			c.dead[i][e.ref] = true
			if e.ref.back > c.lookback {
				c.errorf(e.pos, "expected a look-back that matters, found %s[t-%d], which cancels in the equation of %s: "+
					"the binary drops it and looks back %d, not %d, so that its rows would be others than the text says; leave it out",
					c.outputs[e.ref.stream].Name, e.ref.back, c.outputs[i].Name, c.lookback, e.ref.back)
			}
		}
	}
}

func (c *checker) initialValues(uses []*usage) {
	k := c.lookback
	group := c.groups(uses)
	reach := make(map[int]int) // by group: its own largest look-back
	for i, u := range uses {
		for _, e := range u.live {
			reach[group[i]] = max(reach[group[i]], e.ref.back)
		}
	}
	for r, pos := range c.initAt {
		name := c.outputs[r.output].Name
		switch own := reach[group[r.output]]; {
		case r.row >= k:
			c.errorf(pos, "expected an initial value for a row below the spec's look-back %d, found %s[%d]: later rows follow from the equations", k, name, r.row)
		case own < k:
			c.errorf(pos, "expected no initial value for %s, whose group of outputs looks back %d while the spec looks back %d: "+
				"the binary would start that group %d rows earlier than its inputs' mirrors", name, own, k, k-own)
		}
	}
	for o, d := range c.outputs {
		for r := k - c.depth[o]; r < k && d.Bits > 0; r++ {
			if _, ok := c.init[row{o, r}]; !ok {
				c.errorf(d.Pos, "expected an initial value (%s[%d] = 0) && ..., found none: %s is looked back at, and a bit-vector without one starts at an arbitrary value", d.Name, r, d.Name)
			}
		}
	}
}

// groups joins outputs that depend on each other, at any time. Inputs join nothing. It returns a representative for
// each output.
func (c *checker) groups(uses []*usage) []int {
	parent := make([]int, len(c.outputs))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for i, u := range uses {
		for _, e := range u.live {
			if e.ref.dir == Out {
				parent[find(i)] = find(e.ref.stream)
			}
		}
	}
	for i := range parent {
		parent[i] = find(i)
	}
	return parent
}

// references lists the references in e in the order of the text, each place once.
func references(e *expr) []*expr {
	var list []*expr
	seen := map[*expr]bool{}
	var walk func(e *expr)
	walk = func(e *expr) {
		if e == nil || seen[e] {
			return
		}
		seen[e] = true
		if e.op == OpRef {
			list = append(list, e)
		}
		walk(e.a)
		walk(e.b)
		walk(e.c)
	}
	walk(e)
	return list
}
