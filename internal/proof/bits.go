package proof

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// policies is a set of policies, a bit each by place.
type policies []uint64

func (p policies) has(i int) bool { return p[i/64]&(1<<(i%64)) != 0 }
func (p policies) put(i int)      { p[i/64] |= 1 << (i % 64) }

func (p policies) empty() bool {
	return !slices.ContainsFunc(p, func(w uint64) bool { return w != 0 })
}

// meets reports whether p and o have a policy in common.
func (p policies) meets(o policies) bool {
	for i := range p {
		if p[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// within reports whether every policy of p that is among some is in o.
func (p policies) within(o, some policies) bool {
	for i := range p {
		if p[i]&some[i]&^o[i] != 0 {
			return false
		}
	}
	return true
}

// set makes p the policies of a that are in b.
func (p policies) set(a, b policies) {
	for i := range p {
		p[i] = a[i] & b[i]
	}
}

func (p policies) add(o policies) {
	for i := range p {
		p[i] |= o[i]
	}
}

// and returns the policies in both.
func (p policies) and(o policies) policies {
	out := make(policies, len(p))
	out.set(p, o)
	return out
}

// less returns the policies of p that are not in o.
func (p policies) less(o policies) policies {
	out := slices.Clone(p)
	for i := range out {
		out[i] &^= o[i]
	}
	return out
}

// each calls visit with every place, in order, until it returns false.
func (p policies) each(visit func(i int) bool) {
	for w, word := range p {
		for ; word != 0; word &= word - 1 {
			if !visit(w*64 + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}

// key is sets of policies as the key of a map.
func key(level int, sets ...policies) string {
	b := binary.AppendUvarint(nil, uint64(level))
	for _, s := range sets {
		for _, w := range s {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
	}
	return string(b)
}
