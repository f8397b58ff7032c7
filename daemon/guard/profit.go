package guard

import "github.com/taudaemon/taudaemon/daemon/fixed"

// Costs are the costs of trading.
type Costs struct {
	// FeeBpsBuy and FeeBpsSell are the venue's fees, in basis points of the notional.
	FeeBpsBuy  int64 `json:"fee_bps_buy"`
	FeeBpsSell int64 `json:"fee_bps_sell"`
	// SlippageBps is how far from the median an order's limit lies, in basis points.
	SlippageBps int64 `json:"slippage_bps"`
	// Gas of one order, in quote units.
	Gas fixed.Value `json:"gas"`
}

// ProfitResult is the guard's finding.
type ProfitResult struct {
	// OK: Profit is above the minimum.
	OK bool `json:"ok"`
	// Profit that selling everything now would realise at the worst allowed price, net of all costs, in quote units. Negative for a loss.
	Profit fixed.Value `json:"profit"`
	// Reason why OK is false.
	Reason string `json:"why,omitempty"`
}

// Profit judges a position of quantity (base units) that cost cost (quote units, fees and gas of the buy included) at the given median:
//
//	worst    = floor(median * (1 - slippage))
//	notional = floor(quantity * worst)
//	profit   = notional - ceil(notional * feeSell) - gas - cost
//
// It is OK if profit > minProfit. Without a position or a price it is not OK, and the profit is 0.
func Profit(c Costs, quantity, cost, median, minProfit fixed.Value) (ProfitResult, error) {
	if quantity <= 0 {
		return ProfitResult{Reason: "no position"}, nil
	}
	if median <= 0 {
		return ProfitResult{Reason: "no price"}, nil
	}
	proceeds, err := SellProceeds(c, quantity, median)
	if err != nil {
		return ProfitResult{Reason: "overflow"}, err
	}
	profit, err := proceeds.Sub(cost)
	if err != nil {
		return ProfitResult{Reason: "overflow"}, err
	}
	r := ProfitResult{OK: profit > minProfit, Profit: profit}
	if !r.OK {
		r.Reason = "not above the minimum"
	}
	return r, nil
}

// SellProceeds is what selling quantity brings at the worst price that the slippage limit allows below median, net of fee and gas.
func SellProceeds(c Costs, quantity, median fixed.Value) (fixed.Value, error) {
	worst, err := LimitBelow(median, c.SlippageBps)
	if err != nil {
		return 0, err
	}
	notional, err := quantity.Mul(worst, fixed.Floor)
	if err != nil {
		return 0, err
	}
	fee, err := notional.MulBps(c.FeeBpsSell, fixed.Ceil)
	if err != nil {
		return 0, err
	}
	net, err := notional.Sub(fee)
	if err != nil {
		return 0, err
	}
	return net.Sub(c.Gas)
}

// BuyCost is the most that buying quantity can cost at the worst price that the slippage limit allows above median, with fee and gas.
func BuyCost(c Costs, quantity, median fixed.Value) (fixed.Value, error) {
	worst, err := LimitAbove(median, c.SlippageBps)
	if err != nil {
		return 0, err
	}
	notional, err := quantity.Mul(worst, fixed.Ceil)
	if err != nil {
		return 0, err
	}
	fee, err := notional.MulBps(c.FeeBpsBuy, fixed.Ceil)
	if err != nil {
		return 0, err
	}
	sum, err := notional.Add(fee)
	if err != nil {
		return 0, err
	}
	return sum.Add(c.Gas)
}

// LimitBelow is price * (1 - bps), rounded down: the limit of a sell.
func LimitBelow(price fixed.Value, bps int64) (fixed.Value, error) {
	return price.MulBps(10_000-bps, fixed.Floor)
}

// LimitAbove is price * (1 + bps), rounded up: the limit of a buy.
func LimitAbove(price fixed.Value, bps int64) (fixed.Value, error) {
	return price.MulBps(10_000+bps, fixed.Ceil)
}
