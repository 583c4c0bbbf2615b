from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("maintenancemode", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="maintenance",
            name="site",
            field=models.OneToOneField(on_delete=models.CASCADE, to="sites.Site"),
        )
    ]
