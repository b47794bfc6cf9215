//! Organisations and zonings.

use bytes::Bytes;
use jiff::Timestamp;
use policies::agreement::ZoningRef;
use policies::id::{Fingerprint, OrgId, ZoningId, sha256_hex};
use proto::convert::{Logged, Organisation, Zoning, ZoningBytes};
use proto::limits::GEOJSON_BYTES_MAX;

use super::error::ClientError;
use super::expect;
use super::pages::all_pages;
use super::proof::Proven;
use super::session::{Client, ask, understood};
use crate::sign::{Admission, Signer};

impl Client {
    /// Admits an organisation; steward only. The same admission again answers the first receipt.
    ///
    /// # Errors
    /// [`ClientError::Sign`] where possession is not proved (nothing is sent),
    /// [`ClientError::Receipt`] where the log does not hold this organisation with this key, else
    /// as the broker says.
    pub async fn admit(&self, admission: Admission) -> Result<Proven<Organisation>, ClientError> {
        let doing = "admit the organisation";
        admission.verify()?;
        let wish = proto::convert::Admission::from(admission);
        let asked = wish.organisation.clone();
        let mark = self.mark()?;
        let answer = self
            .directory_service()
            .admit_organisation(ask(wish.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let Logged { what, receipt } = understood(doing, answer.into_inner())?;
        if what != asked {
            let what = "another organisation";
            return Err(ClientError::Mismatch { doing, what });
        }
        let proof = self.checked(doing, receipt, |body| expect::organisation(body, &asked))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// Changes the key that `org`, our organisation, signs with, from `old`'s to `new`'s. The same
    /// change again answers the first receipt.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] where the log does not hold this change signed by both keys, else as
    /// the broker says.
    pub async fn rotate_key(
        &self,
        org: &OrgId,
        old: &Signer,
        new: &Signer,
    ) -> Result<Proven<Organisation>, ClientError> {
        let doing = "rotate the key";
        let asked = old.rotation(org, new, Timestamp::now())?;
        let mark = self.mark()?;
        let answer = self
            .directory_service()
            .rotate_key(ask(asked.clone().into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let Logged { what, receipt }: Logged<Organisation> =
            understood(doing, answer.into_inner())?;
        if what.org != *org || what.key != asked.key {
            let what = "another organisation or key";
            return Err(ClientError::Mismatch { doing, what });
        }
        let proof = self.checked(doing, receipt, |body| {
            expect::rotation(body, org, old.public_key(), &asked)
        })?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// All organisations, sorted by id.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn organisations(&self) -> Result<Vec<Organisation>, ClientError> {
        let doing = "list organisations";
        Ok(all_pages!(doing, |page| {
            let answer = self
                .directory_service()
                .list_organisations(ask(page.into()))
                .await
                .map_err(|s| self.failed(doing, &s))?;
            understood(doing, answer.into_inner())?
        }))
    }

    /// One organisation, or none of that name.
    ///
    /// # Errors
    /// As [`Self::organisations`].
    pub async fn organisation(&self, org: &OrgId) -> Result<Option<Organisation>, ClientError> {
        let all = self.organisations().await?;
        Ok(all.into_iter().find(|known| known.org == *org))
    }

    /// Adds a version of a set of zones. The same bytes under the same id again answer the first
    /// receipt.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] where the log does not hold these bytes' hash under this id, else
    /// as the broker says.
    pub async fn add_zoning(
        &self,
        id: ZoningId,
        geojson: Bytes,
    ) -> Result<Proven<Zoning>, ClientError> {
        let doing = "add the zoning";
        if geojson.len() > GEOJSON_BYTES_MAX {
            let why = format!("the file is over {GEOJSON_BYTES_MAX} bytes: simplify its polygons");
            return Err(ClientError::Own { doing, why });
        }
        let digest = sha256_hex(&geojson);
        let asked = id.clone();
        let mark = self.mark()?;
        let answer = self
            .directory_service()
            .add_zoning(ask(ZoningBytes { id, geojson }.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let Logged { what, receipt } = understood(doing, answer.into_inner())?;
        let Zoning { id, sha256, .. } = &what;
        if *id != asked || sha256.as_str() != digest {
            let what = "another zoning";
            return Err(ClientError::Mismatch { doing, what });
        }
        let proof = self.checked(doing, receipt, |body| expect::zoning(body, &what))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// One zoning with its GeoJSON. The bytes have the hash that the broker states; whether that is
    /// the one you signed for, only [`Self::zoning_of`] can tell.
    ///
    /// # Errors
    /// [`ClientError::Answer`] where bytes and hash differ, else as the broker says.
    pub async fn zoning(&self, id: &ZoningId) -> Result<(Zoning, Bytes), ClientError> {
        let doing = "get the zoning";
        let answer = self
            .directory_service()
            .get_zoning(ask(id.clone().into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let (zoning, geojson): (Zoning, Bytes) = understood(doing, answer.into_inner())?;
        if zoning.id != *id {
            let what = "another zoning";
            return Err(ClientError::Mismatch { doing, what });
        }
        Ok((zoning, geojson))
    }

    /// The GeoJSON of an agreement's zoning, exactly as its parties signed for it.
    ///
    /// # Errors
    /// [`ClientError::Mismatch`] where the broker has other bytes, else as [`Self::zoning`].
    pub async fn zoning_of(&self, signed: &ZoningRef) -> Result<Bytes, ClientError> {
        let (zoning, geojson) = self.zoning(&signed.id).await?;
        let found: &Fingerprint = &zoning.sha256;
        if *found != signed.sha256 {
            let doing = "get the zoning";
            let what = "another content than the agreement signs for";
            return Err(ClientError::Mismatch { doing, what });
        }
        Ok(geojson)
    }

    /// All zonings without their GeoJSON, sorted by id.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn zonings(&self) -> Result<Vec<Zoning>, ClientError> {
        let doing = "list zonings";
        Ok(all_pages!(doing, |page| {
            let answer = self
                .directory_service()
                .list_zonings(ask(page.into()))
                .await
                .map_err(|s| self.failed(doing, &s))?;
            understood(doing, answer.into_inner())?
        }))
    }
}
