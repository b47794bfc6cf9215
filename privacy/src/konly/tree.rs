//! One dimension of a table: values, their parents, and the total over all.

/// Most nodes of one dimension: a node fits in 16 bits.
pub const NODES_MAX: usize = 1 << 16;

/// A node of a dimension: a value, a parent or the total.
pub type Node = u16;

/// Why a hierarchy is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Nothing, or more than a node can number.
    #[error("a dimension of `{nodes}` nodes is outside 2 to {NODES_MAX}")]
    Nodes {
        /// How many.
        nodes: usize,
    },
    /// A parent has to come after its children; only the last node, the total, has none.
    #[error("the parent of node `{node}` does not come after it")]
    Parent {
        /// Which node.
        node: usize,
    },
    /// A parent without children, or a value among the parents.
    #[error("node `{node}` stands among the parents and has no children, or the other way round")]
    Childless {
        /// Which node.
        node: usize,
    },
}

/// Values `0..leaves`, then parents, each after its children, the total last. Levels may be uneven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    leaves: usize,
    above: Vec<Vec<Node>>,
    children: Vec<Vec<Node>>,
    heights: Vec<u16>,
}

impl Hierarchy {
    /// `values` values and their total.
    ///
    /// # Errors
    /// [`TreeError::Nodes`] for none or too many.
    pub fn flat(values: usize) -> Result<Self, TreeError> {
        let total = values;
        Self::new(values, &vec![total; values])
    }

    /// `parents[i]` is the parent of node i, for every node but the last, which is the total. The first
    /// `leaves` nodes are the values.
    ///
    /// # Errors
    /// [`TreeError`] where this is no tree in that order.
    pub fn new(leaves: usize, parents: &[usize]) -> Result<Self, TreeError> {
        let nodes = parents.len() + 1;
        if leaves == 0 || !(2..=NODES_MAX).contains(&nodes) {
            return Err(TreeError::Nodes { nodes });
        }
        let mut children = vec![Vec::new(); nodes];
        let mut heights = vec![0u16; nodes];
        for (node, &parent) in parents.iter().enumerate() {
            let wrong = || TreeError::Parent { node };
            if parent <= node {
                return Err(wrong());
            }
            let child = Node::try_from(node).map_err(|_| wrong())?;
            children.get_mut(parent).ok_or_else(wrong)?.push(child);
            let above = heights.get(node).copied().unwrap_or(0).saturating_add(1);
            let height = heights.get_mut(parent).ok_or_else(wrong)?;
            *height = (*height).max(above);
        }
        for (node, children) in children.iter().enumerate() {
            if (node < leaves) != children.is_empty() {
                return Err(TreeError::Childless { node });
            }
        }
        let above = (0..nodes)
            .map(|node| {
                let up = |node: &usize| parents.get(*node).copied();
                let chain = std::iter::successors(Some(node), up);
                chain.filter_map(|node| Node::try_from(node).ok()).collect()
            })
            .collect();
        Ok(Self {
            leaves,
            above,
            children,
            heights,
        })
    }

    /// How many values.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// How many nodes, the total among them.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.children.len()
    }

    /// The nodes one step down; none for a value.
    #[must_use]
    pub fn children(&self, node: Node) -> &[Node] {
        self.children
            .get(usize::from(node))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Is it a value?
    #[must_use]
    pub fn is_leaf(&self, node: Node) -> bool {
        usize::from(node) < self.leaves
    }

    /// Steps down to the deepest value below it; 0 for a value.
    #[must_use]
    pub fn height(&self, node: Node) -> u16 {
        self.heights.get(usize::from(node)).copied().unwrap_or(0)
    }

    /// The node itself, its parent, and so on to the total.
    #[must_use]
    pub fn chain(&self, node: Node) -> &[Node] {
        self.above
            .get(usize::from(node))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The values below a node that are not below `except`, in order, put at the end of `into`.
    pub fn values_below(&self, node: Node, except: Node, into: &mut Vec<Node>) {
        if node == except {
            return;
        }
        if self.is_leaf(node) {
            into.push(node);
        }
        for child in self.children(node) {
            self.values_below(*child, except, into);
        }
    }
}
