// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

// Aggregator answers as a Chainlink feed does (AggregatorV3Interface), with whatever it is told to.
contract Aggregator {
    uint8 public decimals;
    uint80 private roundId;
    int256 private answer;
    uint256 private startedAt;
    uint256 private updatedAt;
    uint80 private answeredInRound;

    constructor(uint8 d) {
        decimals = d;
    }

    function setDecimals(uint8 d) external {
        decimals = d;
    }

    function set(uint80 round, int256 a, uint256 started, uint256 updated, uint80 inRound) external {
        (roundId, answer, startedAt, updatedAt, answeredInRound) = (round, a, started, updated, inRound);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        require(roundId != 0, "No data present");
        return (roundId, answer, startedAt, updatedAt, answeredInRound);
    }
}
