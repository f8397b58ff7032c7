// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

// Token is an ERC-20 with any number of decimals and a burn function. It can be told to take much more gas in blocks after a given one, so
// that an estimate made at that block is far too low.
contract Token {
    uint8 public immutable decimals;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public greedyAfter = type(uint256).max;
    uint256 private sink;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor(uint8 d, uint256 supply) {
        decimals = d;
        totalSupply = supply;
        balanceOf[msg.sender] = supply;
        emit Transfer(address(0), msg.sender, supply);
    }

    function setGreedyAfter(uint256 n) external {
        greedyAfter = n;
    }

    function move(address from, address to, uint256 value) internal {
        if (block.number > greedyAfter) {
            uint256 start = gasleft();
            while (start - gasleft() < 1_200_000) sink++; // to the last where there is less
        }
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }

    function spend(address from, uint256 value) internal {
        if (allowance[from][msg.sender] != type(uint256).max) allowance[from][msg.sender] -= value;
    }

    function approve(address spender, uint256 value) external virtual returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        spend(from, value);
        move(from, to, value);
        return true;
    }

    function burn(uint256 value) external {
        move(msg.sender, address(0), value);
        totalSupply -= value;
    }
}
